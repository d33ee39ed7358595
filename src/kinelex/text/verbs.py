"""Verbs of movement in their base form, as commands and captions have them."""

from __future__ import annotations

VERB_WORDS = (
    "act adjust aim alternate applaud approach attempt avoid balance bang begin bend block blow bob bounce bow "
    "box brace breakdance bring brush call carry cartwheel catch celebrate change check cheer chop circle clap "
    "clasp clean climb close clutch come complete continue crawl creep cross crouch cry curl curve dance dangle "
    "dash dig do dodge drag draw dribble drift drink drive drop drum dry duck dust eat elevate end enter "
    "exercise extend face fall fight finish flail flap flex fling flip fly fold follow gather gesture get give "
    "go grab grasp greet hang help hesitate hit hold hop hug hunch hurry imitate inspect jab jerk jog juggle "
    "jump keep kick kneel knock land laugh lay lead lean leap leave let lie lift limp look loosen lose lower "
    "lunge maintain make march meditate mime mimic mix move nod open pace paddle pass pat pause perform pick "
    "pitch pivot place play point pose pour practice pray prepare press pretend pull pump punch push put raise "
    "reach recoil regain relax release remain remove repeat rest resume return reverse ride rise rock roll "
    "rotate rub run rush salsa salute saunter scratch scrub search set shake shift shimmy shiver shoot shout "
    "shove show shrug shuffle sidestep signal sip sit skate skip slam slap slash slide slip slouch slow slump "
    "sneak somersault speak speed spin spread sprint squat stagger stamp stand stare start stay steady step "
    "stick stir stomp stoop stop strafe straighten stretch stride strike stroll struggle strum strut stumble "
    "swat sway sweep swim swing swipe swirl switch swivel take talk tap think throw thrust tie tilt tiptoe toss "
    "touch trip trot try tuck turn twirl twist uncross use veer waddle wait wake walk waltz wander warm wash "
    "wave wiggle wind wipe wobble write yawn "
)
VERBS = frozenset(VERB_WORDS.split())
# Things and qualities as often as movements.
NOUN_WORDS = (
    "act blow bob brush call change check clean complete dig drag draw drum dry dust end face fold hug pass press pump "
    "reverse rock salsa search set show signal sip slow stick use waltz warm wind"
)
ALSO_NOUNS = frozenset(NOUN_WORDS.split())
