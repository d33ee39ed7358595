"use strict";
// The Kinelex player: playback, camera control and the time line of phrases. Drawing is in player_scene.js.

const clip = readClip(JSON.parse(document.getElementById("clip").textContent));
const view = document.getElementById("view"), ctx = view.getContext("2d");
const camera = new Camera(), figure = new FigureRenderer();
const state = { time: startTime(), playing: true, loop: true, speed: 1, follow: true, zoom: 1, last: null, elapsed: 0, stale: true };
const CAMERA_LAG = 130; // milliseconds by which the camera trails the figure, however many pictures are drawn

function readClip(data) {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const steps = new DataView(bytes(data.points).buffer); // int16, little-endian
  const count = data.frames * data.stride * 3;
  const coordinates = Float32Array.from({ length: count }, (_, i) => steps.getInt16(2 * i, true) * data.step);
  for (let i = 0; i < count; i++) coordinates[i] += data.origin[i % 3];
  return { ...data, coordinates, contacts: bytes(data.contacts), seconds: data.frames / data.fps };
}

function startTime() { // #t=2.5 in the address shows that moment, paused
  const match = /^#t=([\d.]+)/.exec(location.hash);
  return match ? Math.min(Number(match[1]), clip.seconds) : 0;
}

function frameAt(time) {
  return Math.min(Math.max(Math.floor(time * clip.fps + 1e-6), 0), clip.frames - 1);
}

// (stride * 3) coordinates at a time, between the two frames around it.
function pointsAt(time) {
  const frame = frameAt(time), next = Math.min(frame + 1, clip.frames - 1);
  const share = Math.min(Math.max(time * clip.fps - frame, 0), 1), size = clip.stride * 3;
  const points = new Float32Array(size);
  for (let i = 0; i < size; i++)
    points[i] = (1 - share) * clip.coordinates[frame * size + i] + share * clip.coordinates[next * size + i];
  return points;
}

function pointOf(frame, index) {
  const at = (frame * clip.stride + index) * 3;
  return [clip.coordinates[at], clip.coordinates[at + 1], clip.coordinates[at + 2]];
}

// ------------------------------------------------------------------ one picture

function draw() {
  const ratio = window.devicePixelRatio || 1, width = view.clientWidth, height = view.clientHeight;
  if (view.width !== Math.round(width * ratio) || view.height !== Math.round(height * ratio)) {
    view.width = Math.round(width * ratio);
    view.height = Math.round(height * ratio);
  }
  const points = pointsAt(state.time), frame = frameAt(state.time);
  moveCamera(points, view.width, view.height);
  ctx.fillStyle = "#f6f7fa";
  ctx.fillRect(0, 0, view.width, view.height);
  ctx.lineJoin = ctx.lineCap = "round";
  ctx.lineWidth = ratio;
  drawFloor(ctx, camera, clip.floor);
  drawPath(frame, ratio);
  drawShadow(ctx, camera, clip, points);
  drawContacts(frame);
  drawTrails(frame, ratio);
  const face = unit([0, 1, 2].map((axis) => points[3 * clip.face + axis] - points[3 * clip.head + axis]));
  figure.draw(ctx, camera, clip, points, face, view.width, view.height);
  showTime();
}

function moveCamera(points, width, height) {
  const goal = state.follow ? [points[3 * clip.root], points[3 * clip.root + 2]] : clip.middle;
  const pace = state.stale ? 1 : 1 - Math.exp(-state.elapsed / CAMERA_LAG);
  camera.target[0] += pace * (goal[0] - camera.target[0]);
  camera.target[1] = clip.floor + 0.9;
  camera.target[2] += pace * (goal[1] - camera.target[2]);
  camera.centre = [width / 2, height * 0.53];
  camera.scale = Math.min(height / clip.span, width / 1.7) * state.zoom;
  camera.aim();
  state.stale = false;
}

function drawPath(frame, ratio) {
  const way = (first, last) =>
    Array.from({ length: last - first + 1 }, (_, i) => {
      const [x, , z] = pointOf(first + i, clip.root);
      return [x, clip.floor, z];
    });
  drawCurve(ctx, camera, way(frame, clip.frames - 1), "rgba(96, 104, 120, 0.3)", 2.4 * ratio);
  drawCurve(ctx, camera, way(0, frame), "rgba(96, 104, 120, 0.85)", 2.4 * ratio);
}

function drawTrails(frame, ratio) {
  const first = Math.max(0, frame - Math.round(0.5 * clip.fps));
  clip.ends.forEach((index, end) => {
    const way = Array.from({ length: frame - first + 1 }, (_, i) => pointOf(first + i, index));
    drawCurve(ctx, camera, way, `rgba(${clip.paints[end % 2 ? 2 : 1]}, 0.55)`, 1.6 * ratio);
  });
}

function drawContacts(frame) {
  clip.feet.forEach((index, foot) => {
    if (!(clip.contacts[frame] & (1 << foot))) return;
    const [x, , z] = pointOf(frame, index);
    ctx.beginPath();
    tracePolygon(ctx, camera, disc(x, clip.floor, z, 0.085, 24));
    ctx.fillStyle = `rgba(${clip.paints[foot < 2 ? 1 : 2]}, 0.45)`;
    ctx.fill();
  });
}

// ------------------------------------------------------------------ time

function tick(now) {
  state.elapsed = state.last === null ? 0 : Math.max(now - state.last, 0);
  if (state.playing) {
    state.time += (state.elapsed / 1000) * state.speed;
    if (state.time >= clip.seconds) {
      state.stale = state.loop;
      state.time = state.loop ? state.time % clip.seconds : clip.seconds;
      if (!state.loop) setPlaying(false);
    }
  }
  state.last = now;
  draw();
  requestAnimationFrame(tick);
}

const timeline = document.getElementById("timeline"), head = document.getElementById("head");
const phrases = clip.segments.map((segment, index) => {
  const bar = document.createElement("div");
  bar.className = "phrase";
  bar.style.left = `${(100 * segment.start) / clip.seconds}%`;
  bar.style.width = `calc(${(100 * (Math.min(segment.end, clip.seconds) - segment.start)) / clip.seconds}% - 2px)`;
  bar.style.background = `rgb(${clip.colours[index % clip.colours.length]})`;
  bar.textContent = bar.title = segment.text;
  timeline.insertBefore(bar, head);
  return bar;
});

function showTime() {
  const now = clip.segments.findIndex((segment) => segment.start <= state.time && state.time < segment.end);
  phrases.forEach((bar, index) => bar.classList.toggle("now", index === now));
  head.style.left = `${(100 * state.time) / clip.seconds}%`;
  timeline.setAttribute("aria-valuenow", state.time.toFixed(2));
  document.getElementById("clock").textContent = `${state.time.toFixed(2)} / ${clip.seconds.toFixed(2)} s`;
  const phrase = document.getElementById("phrase");
  phrase.textContent = now < 0 ? "" : clip.segments[now].text;
  phrase.style.color = now < 0 ? "" : `rgb(${clip.colours[now % clip.colours.length]})`;
}

function setPlaying(playing) {
  if (playing && state.time >= clip.seconds) state.time = 0;
  state.playing = playing;
  const button = document.getElementById("play");
  button.textContent = playing ? "❚❚" : "▶";
  button.setAttribute("aria-label", playing ? "Pause" : "Play");
}

function seek(time) {
  state.time = Math.min(Math.max(time, 0), clip.seconds);
}

// ------------------------------------------------------------------ hands

const fingers = new Map();
view.addEventListener("pointerdown", (event) => {
  view.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
});
for (const kind of ["pointerup", "pointercancel"])
  view.addEventListener(kind, (event) => fingers.delete(event.pointerId));
view.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  };
  const apart = fingers.size === 2 ? spread() : 0;
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  if (fingers.size === 2) return zoomBy(spread() / Math.max(apart, 1));
  camera.yaw -= (event.clientX - before[0]) * 0.008;
  camera.pitch = Math.min(Math.max(camera.pitch + (event.clientY - before[1]) * 0.006, 0), 1.5);
});
view.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoomBy(Math.exp(-event.deltaY * 0.001));
}, { passive: false });

function zoomBy(factor) {
  state.zoom = Math.min(Math.max(state.zoom * factor, 0.3), 4);
}

timeline.addEventListener("pointerdown", (event) => {
  timeline.setPointerCapture(event.pointerId);
  setPlaying(false);
  scrub(event);
});
timeline.addEventListener("pointermove", (event) => {
  if (timeline.hasPointerCapture(event.pointerId)) scrub(event);
});

function scrub(event) {
  const box = timeline.getBoundingClientRect();
  seek(((event.clientX - box.left) / box.width) * clip.seconds);
}

document.getElementById("play").addEventListener("click", () => setPlaying(!state.playing));
document.getElementById("speed").addEventListener("change", (event) => (state.speed = Number(event.target.value)));
document.getElementById("loop").addEventListener("change", (event) => (state.loop = event.target.checked));
document.getElementById("follow").addEventListener("change", (event) => (state.follow = event.target.checked));
for (const button of document.querySelectorAll("[data-yaw]"))
  button.addEventListener("click", () => {
    camera.yaw = (Number(button.dataset.yaw) * Math.PI) / 180;
    camera.pitch = (Number(button.dataset.pitch) * Math.PI) / 180;
  });
document.addEventListener("keydown", (event) => {
  if (["SELECT", "INPUT", "BUTTON"].includes(event.target.tagName)) return;
  if (event.key === " ") setPlaying(!state.playing);
  else if (event.key === "ArrowLeft") seek(state.time - 1 / clip.fps);
  else if (event.key === "ArrowRight") seek(state.time + 1 / clip.fps);
  else return;
  event.preventDefault();
});

setPlaying(!location.hash.startsWith("#t="));
tick(performance.now());
