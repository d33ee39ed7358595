"use strict";
// Two spheres with words, turned together. Points are unit vectors; z comes out of the screen.
const DATA = JSON.parse(document.getElementById("data").textContent);
const REACH = 14; // pixels within which the mouse finds a word
const PAIRED = new Set(DATA.paired);
const shown = DATA.names.map(() => true);
const footer = document.querySelector("footer");
const find = document.getElementById("find");
let turn = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
let zoom = 1;
let chosen = -1;

const spheres = [...document.querySelectorAll("canvas")].map((canvas) => ({
  canvas,
  side: canvas.dataset.side,
  near: canvas.parentElement.querySelector(".near"),
  seen: [], // {word, x, y, z} in pixels, drawn last time
}));

function turned(point) {
  return turn.map((row) => row[0] * point[0] + row[1] * point[1] + row[2] * point[2]);
}

// Turn everything by dx pixels about the vertical and dy about the horizontal axis of the screen.
function turnBy(dx, dy, radius) {
  const [a, b] = [dx / radius, dy / radius];
  const about = [
    [Math.cos(a), 0, Math.sin(a)],
    [Math.sin(b) * Math.sin(a), Math.cos(b), -Math.sin(b) * Math.cos(a)],
    [-Math.cos(b) * Math.sin(a), Math.sin(b), Math.cos(b) * Math.cos(a)],
  ];
  const columns = turn[0].map((_, column) => turn.map((row) => row[column]));
  turn = about.map((row) => columns.map((column) => row.reduce((sum, value, i) => sum + value * column[i], 0)));
}

function radiusOf(canvas) {
  return zoom * (Math.min(canvas.clientWidth, canvas.clientHeight) / 2 - 14);
}

function draw(sphere) {
  const { canvas, side } = sphere;
  const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, window.devicePixelRatio || 1];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const radius = radiusOf(canvas);
  drawBall(pen, width / 2, height / 2, radius);
  sphere.seen = DATA.points[side]
    .map((point, word) => {
      const [x, y, z] = turned(point);
      return { word, x: width / 2 + radius * x, y: height / 2 - radius * y, z };
    })
    .filter((spot) => shown[DATA.groups[spot.word]] || spot.word === chosen)
    .sort((first, second) => first.z - second.z);
  sphere.seen.forEach((spot) => drawDot(pen, spot));
  drawLabels(pen, sphere.seen, width);
}

function drawBall(pen, x, y, radius) {
  const shade = pen.createRadialGradient(x - radius / 3, y - radius / 3, radius / 8, x, y, radius);
  shade.addColorStop(0, "#ffffff");
  shade.addColorStop(1, "#e9edf3");
  pen.fillStyle = shade;
  pen.strokeStyle = "#c3cad6";
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
  pen.stroke();
}

function drawDot(pen, spot) {
  pen.globalAlpha = spot.z > 0 ? 1 : 0.15;
  pen.fillStyle = DATA.colours[DATA.groups[spot.word]];
  pen.beginPath();
  pen.arc(spot.x, spot.y, spot.z > 0 ? 3 + spot.z : 2, 0, 2 * Math.PI);
  pen.fill();
  pen.globalAlpha = 1;
}

// The chosen word first, then words of pairs, then what has room, nearest to the eye first.
function drawLabels(pen, seen, width) {
  const rank = (spot) => (spot.word === chosen ? 0 : PAIRED.has(spot.word) ? 1 : 2);
  const order = seen
    .filter((spot) => spot.z > 0.15 || spot.word === chosen)
    .sort((first, second) => rank(first) - rank(second) || second.z - first.z);
  const boxes = [];
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  for (const spot of order) {
    const bold = spot.word === chosen;
    pen.font = `${bold ? "700 16px" : PAIRED.has(spot.word) ? "650 12px" : "12px"} system-ui, sans-serif`;
    const text = DATA.words[spot.word];
    const [gap, length] = [bold ? 12 : 7, pen.measureText(text).width];
    const x = spot.x + gap + length < width ? spot.x + gap : spot.x - gap - length;
    const box = [x - 2, spot.y - 8, x + length + 2, spot.y + 8];
    if (boxes.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) continue;
    boxes.push(box);
    pen.strokeStyle = "rgba(255, 255, 255, 0.85)";
    pen.lineWidth = 3;
    pen.strokeText(text, x, spot.y);
    pen.fillStyle = bold ? "#262b36" : DATA.colours[DATA.groups[spot.word]];
    pen.fillText(text, x, spot.y);
    if (bold) ring(pen, spot);
  }
}

function ring(pen, spot) {
  pen.strokeStyle = "#262b36";
  pen.lineWidth = 2;
  pen.setLineDash(spot.z > 0 ? [] : [3, 3]);
  pen.beginPath();
  pen.arc(spot.x, spot.y, 8, 0, 2 * Math.PI);
  pen.stroke();
  pen.setLineDash([]);
}

function tell(sphere) {
  sphere.near.replaceChildren();
  if (chosen < 0) return;
  const name = document.createElement("b");
  name.textContent = DATA.words[chosen];
  const list = DATA.near[sphere.side][chosen].map(([word, cosine]) => `${DATA.words[word]} ${cosine.toFixed(2)}`);
  sphere.near.append(name, list.join(", "));
}

function drawAll() {
  spheres.forEach(draw);
}

function choose(word) {
  if (word === chosen) return;
  chosen = word;
  spheres.forEach(tell);
  drawAll();
}

// Turn the sphere so that a word of the first map comes to the middle.
function face(word) {
  const [x, y, z] = turned(DATA.points[spheres[0].side][word]);
  turnBy(-Math.atan2(x, z), Math.atan2(y, Math.hypot(x, z)), 1);
  drawAll();
}

function wordAt(sphere, x, y) {
  const distance = (spot) => Math.hypot(spot.x - x, spot.y - y);
  const front = sphere.seen.filter((spot) => spot.z > 0 && distance(spot) < REACH);
  front.sort((first, second) => distance(first) - distance(second));
  return front.length ? front[0].word : -1;
}

for (const sphere of spheres) {
  const { canvas } = sphere;
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons) {
      turnBy(event.movementX, event.movementY, radiusOf(canvas));
      drawAll();
      return;
    }
    const word = wordAt(sphere, event.offsetX, event.offsetY);
    if (word >= 0) choose(word);
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom = Math.min(5, Math.max(0.6, zoom * Math.exp(-event.deltaY / 600)));
    drawAll();
  }, { passive: false });
}

DATA.names.forEach((name, group) => {
  const button = document.createElement("button");
  button.textContent = name;
  button.style.setProperty("--paint", DATA.colours[group]);
  button.setAttribute("aria-pressed", "true");
  button.addEventListener("click", () => {
    shown[group] = !shown[group];
    button.setAttribute("aria-pressed", String(shown[group]));
    drawAll();
  });
  footer.append(button);
});
document.getElementById("words").append(...DATA.words.map((word) => new Option(word)));
find.addEventListener("input", () => {
  const word = DATA.words.indexOf(find.value.trim().toLowerCase());
  if (word < 0) return;
  choose(word);
  face(word);
});
choose(Math.max(0, DATA.words.indexOf(decodeURIComponent(location.hash.slice(1)) || "left")));
new ResizeObserver(drawAll).observe(document.body);
