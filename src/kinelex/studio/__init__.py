"""The Studio: a web page where motion is made from sentences. Needs the extra `studio`."""
