"use strict";
// Drawing for the Kinelex player: a perspective camera, a floor on a 2D canvas, and a small software renderer for
// the figure (each limb is a ball swept along a line while its radius changes), which needs no graphics card.

const SUN = [0.18, -0.12]; // how far (x, z) a shadow falls from a point one metre up
const LIGHT = [-0.42, 0.74, 0.52]; // right, up, towards the camera
const HALF_WAY = unit([LIGHT[0], LIGHT[1], LIGHT[2] + 1]);
const VISOR_EDGE = 0.62; // cosine between where the head looks and the rim of its dark front
const FLOOR_REACH = 5; // metres around the target
const CELL = 0.5; // metres between grid lines

function unit(v) {
  const length = Math.hypot(...v) || 1;
  return v.map((value) => value / length);
}

class Camera {
  constructor() {
    this.yaw = (-35 * Math.PI) / 180;
    this.pitch = (13 * Math.PI) / 180;
    this.distance = 6.5;
    this.target = [0, 0.9, 0];
    this.scale = 200; // pixels a metre at the target
    this.centre = [0, 0];
    this.aim();
  }

  aim() {
    const sy = Math.sin(this.yaw), cy = Math.cos(this.yaw), sp = Math.sin(this.pitch), cp = Math.cos(this.pitch);
    this.right = [cy, 0, -sy];
    this.up = [-sp * sy, cp, -sp * cy];
    this.towards = [cp * sy, sp, cp * cy];
  }

  // [x, y] pixels, metres towards the camera, magnification; null behind the lens.
  project(x, y, z) {
    const dx = x - this.target[0], dy = y - this.target[1], dz = z - this.target[2];
    const near = dx * this.towards[0] + dy * this.towards[1] + dz * this.towards[2];
    if (near > this.distance - 0.15) return null;
    const size = this.distance / (this.distance - near);
    const across = dx * this.right[0] + dz * this.right[2];
    const above = dx * this.up[0] + dy * this.up[1] + dz * this.up[2];
    return [this.centre[0] + across * size * this.scale, this.centre[1] - above * size * this.scale, near, size];
  }
}

// ------------------------------------------------------------------ floor

function tracePolygon(ctx, camera, points) {
  const pixels = points.map((p) => camera.project(p[0], p[1], p[2]));
  if (pixels.some((pixel) => pixel === null)) return;
  pixels.forEach((pixel, index) => (index ? ctx.lineTo(pixel[0], pixel[1]) : ctx.moveTo(pixel[0], pixel[1])));
  ctx.closePath();
}

function disc(x, y, z, radius, corners) {
  return Array.from({ length: corners }, (_, corner) => {
    const angle = (corner / corners) * 2 * Math.PI;
    return [x + radius * Math.cos(angle), y, z + radius * Math.sin(angle)];
  });
}

function drawFloor(ctx, camera, floor) {
  const [x, , z] = camera.target;
  ctx.fillStyle = "rgba(196, 204, 216, 0.085)"; // discs laid over one another dissolve towards the rim
  for (let radius = 1.0; radius <= FLOOR_REACH; radius += 0.4) {
    ctx.beginPath();
    tracePolygon(ctx, camera, disc(x, floor, z, Math.min(radius, camera.distance * 0.9), 48));
    ctx.fill();
  }
  const shades = Array.from({ length: 8 }, () => new Path2D());
  const line = (x0, z0, x1, z1) => {
    const away = Math.hypot((x0 + x1) / 2 - x, (z0 + z1) / 2 - z) / FLOOR_REACH;
    const a = camera.project(x0, floor, z0), b = camera.project(x1, floor, z1);
    if (away >= 1 || !a || !b) return;
    const path = shades[Math.floor((1 - away) * shades.length)];
    path.moveTo(a[0], a[1]);
    path.lineTo(b[0], b[1]);
  };
  const first = [Math.ceil((x - FLOOR_REACH) / CELL) * CELL, Math.ceil((z - FLOOR_REACH) / CELL) * CELL];
  for (let i = 0; i <= (2 * FLOOR_REACH) / CELL; i++)
    for (let j = 0; j <= (2 * FLOOR_REACH) / CELL; j++) {
      const at = [first[0] + i * CELL, first[1] + j * CELL];
      line(at[0], at[1], at[0] + CELL, at[1]);
      line(at[0], at[1], at[0], at[1] + CELL);
    }
  shades.forEach((path, shade) => {
    ctx.strokeStyle = `rgba(140, 150, 168, ${(0.6 * (shade + 1)) / shades.length})`;
    ctx.stroke(path);
  });
}

// Limbs dropped along the sunlight; passes from wide to narrow make a soft edge, softer the higher the limb.
const SHADOW_PASSES = 12;

function drawShadow(ctx, camera, clip, points) {
  ctx.fillStyle = "rgba(60, 70, 90, 0.042)";
  for (let pass = 0; pass < SHADOW_PASSES; pass++) {
    const spread = 0.08 - (0.14 * pass) / SHADOW_PASSES;
    ctx.beginPath();
    for (const [start, end, r0, r1] of clip.limbs) {
      const a = dropped(points, start, clip.floor), b = dropped(points, end, clip.floor);
      const radius = (r0 + r1) / 2 + spread * (0.6 + a.height + b.height);
      if (radius > 0.005) tracePolygon(ctx, camera, stadium(a, b, radius, clip.floor));
    }
    ctx.fill();
  }
}

function dropped(points, index, floor) {
  const height = Math.max(points[3 * index + 1] - floor, 0);
  return { x: points[3 * index] + SUN[0] * height, z: points[3 * index + 2] + SUN[1] * height, height };
}

function stadium(a, b, radius, floor) {
  const along = Math.atan2(b.z - a.z, b.x - a.x);
  return Array.from({ length: 16 }, (_, corner) => {
    const end = corner < 8 ? b : a;
    const angle = along - Math.PI / 2 + ((corner < 8 ? corner : corner - 1) / 7) * Math.PI;
    return [end.x + radius * Math.cos(angle), floor, end.z + radius * Math.sin(angle)];
  });
}

// A line through 3D points; those behind the lens are left out.
function drawCurve(ctx, camera, points, colour, width) {
  ctx.beginPath();
  let open = false;
  for (const [x, y, z] of points) {
    const pixel = camera.project(x, y, z);
    if (pixel) open ? ctx.lineTo(pixel[0], pixel[1]) : ctx.moveTo(pixel[0], pixel[1]);
    open = pixel !== null;
  }
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.stroke();
}

// ------------------------------------------------------------------ figure

class FigureRenderer {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.fineness = 2; // own pixels a canvas pixel; lowered when drawing takes too long
    this.time = 8;
  }

  draw(ctx, camera, clip, points, face, width, height) {
    const began = performance.now();
    const limbs = this.project(camera, clip, points);
    if (!limbs || !this.open(limbs, width * this.fineness, height * this.fineness)) return;
    const facing = [camera.right, camera.up, camera.towards].map((axis) => axis[0] * face[0] + axis[1] * face[1] + axis[2] * face[2]);
    for (const limb of limbs) this.addLimb(limb, clip.paints[limb.paint], limb.paint === 3 ? facing : null, clip.visor);
    this.ink(clip.ink * camera.scale * this.fineness);
    const canvas = this.canvas;
    if (canvas.width < this.width || canvas.height < this.height) {
      canvas.width = Math.max(canvas.width, this.width);
      canvas.height = Math.max(canvas.height, this.height);
    }
    canvas.getContext("2d").putImageData(this.image, 0, 0);
    ctx.imageSmoothingQuality = "high";
    const f = this.fineness;
    ctx.drawImage(canvas, 0, 0, this.width, this.height, this.left / f, this.top / f, this.width / f, this.height / f);
    this.time += 0.1 * (performance.now() - began - this.time);
    if (this.time > 22 && this.fineness > 1) [this.fineness, this.time] = [this.fineness - 0.5, 8];
  }

  project(camera, clip, points) {
    const f = this.fineness;
    const end = (index, radius) => {
      const pixel = camera.project(points[3 * index], points[3 * index + 1], points[3 * index + 2]);
      return pixel && [pixel[0] * f, pixel[1] * f, pixel[2] * camera.scale * f, radius * camera.scale * pixel[3] * f];
    };
    const limbs = clip.limbs.map(([start, stop, r0, r1, paint]) => ({ a: end(start, r0), b: end(stop, r1), paint }));
    return limbs.every((limb) => limb.a && limb.b) ? limbs : null;
  }

  // Buffers for the part of the canvas that the figure covers.
  open(limbs, width, height) {
    const ends = limbs.flatMap((limb) => [limb.a, limb.b]);
    const bound = (value, limit) => Math.min(Math.max(value, 0), limit);
    this.left = bound(Math.floor(Math.min(...ends.map((p) => p[0] - p[3]))) - 1, width);
    this.top = bound(Math.floor(Math.min(...ends.map((p) => p[1] - p[3]))) - 1, height);
    this.width = Math.ceil(bound(Math.max(...ends.map((p) => p[0] + p[3])) + 2, width) - this.left);
    this.height = Math.ceil(bound(Math.max(...ends.map((p) => p[1] + p[3])) + 2, height) - this.top);
    if (this.width < 1 || this.height < 1) return false;
    this.image = new ImageData(this.width, this.height);
    this.near = new Float32Array(this.width * this.height).fill(-1e9);
    return true;
  }

  // The ball at share t of the sweep reaches z(t) = t dz + sqrt(q(t)), q(t) = (r0 + t dr)^2 - |(u, v) - t (dx, dy)|^2.
  // With a = dx^2 + dy^2 - dr^2 > 0 and q = Q - a (t - m)^2, z is highest at t = m + dz sqrt(Q / (a (a + dz^2))).
  addLimb({ a: [x0, y0, z0, r0], b: [x1, y1, z1, r1] }, paint, facing, visor) {
    const dx = x1 - x0, dy = y1 - y0, dr = r1 - r0, steep = dx * dx + dy * dy - dr * dr;
    if (steep <= 1e-3 && (dx || dy || dr)) { // one end hides the other
      this.addLimb({ a: [x0, y0, z0, r0], b: [x0, y0, z0, r0] }, paint, facing, visor);
      this.addLimb({ a: [x1, y1, z1, r1], b: [x1, y1, z1, r1] }, paint, facing, visor);
      return;
    }
    const dz = z1 - z0, lean = steep > 0 ? dz / Math.sqrt(steep * (steep + dz * dz)) : 0;
    const left = Math.max(Math.floor(Math.min(x0 - r0, x1 - r1)) - this.left, 0);
    const right = Math.min(Math.ceil(Math.max(x0 + r0, x1 + r1)) - this.left + 1, this.width);
    const top = Math.max(Math.floor(Math.min(y0 - r0, y1 - r1)) - this.top, 0);
    const bottom = Math.min(Math.ceil(Math.max(y0 + r0, y1 + r1)) - this.top + 1, this.height);
    for (let row = top; row < bottom; row++) {
      const v = row + this.top + 0.5 - y0;
      for (let column = left; column < right; column++) {
        const u = column + this.left + 0.5 - x0;
        let share = 0;
        if (steep > 0) {
          const half = r0 * dr + u * dx + v * dy;
          const most = r0 * r0 - u * u - v * v + (half * half) / steep;
          if (most <= 0) continue;
          share = Math.min(Math.max(half / steep + lean * Math.sqrt(most), 0), 1);
        }
        const offX = u - share * dx, offY = v - share * dy, radius = r0 + share * dr;
        const square = radius * radius - offX * offX - offY * offY;
        if (square <= 0) continue;
        const height = Math.sqrt(square), near = z0 + share * dz + height, pixel = row * this.width + column;
        if (near <= this.near[pixel]) continue;
        this.near[pixel] = near;
        this.shade(pixel, offX / radius, -offY / radius, height / radius, paint, facing, visor);
      }
    }
  }

  shade(pixel, nx, ny, nz, paint, facing, visor) {
    if (facing && nx * facing[0] + ny * facing[1] + nz * facing[2] > VISOR_EDGE) paint = visor;
    const direct = Math.max(nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2], 0);
    const light = (0.5 + 0.14 * ny + 0.5 * direct) * (0.8 + 0.2 * Math.min(nz * 2.2, 1)); // rounds the outline off
    const gloss = 36 * Math.max(nx * HALF_WAY[0] + ny * HALF_WAY[1] + nz * HALF_WAY[2], 0) ** 28;
    const data = this.image.data;
    data[4 * pixel] = paint[0] * light + gloss;
    data[4 * pixel + 1] = paint[1] * light + gloss;
    data[4 * pixel + 2] = paint[2] * light + gloss;
    data[4 * pixel + 3] = 255;
  }

  // A dark line just beside a part of the body that is clearly nearer to the camera.
  ink(step) {
    const { near, width, height } = this, data = this.image.data;
    for (let row = 1; row < height - 1; row++)
      for (let pixel = row * width + 1; pixel < (row + 1) * width - 1; pixel++) {
        if (!data[4 * pixel + 3]) continue;
        const limit = near[pixel] + step;
        if (near[pixel - 1] > limit || near[pixel + 1] > limit || near[pixel - width] > limit || near[pixel + width] > limit)
          for (let channel = 0; channel < 3; channel++) data[4 * pixel + channel] *= 0.45;
      }
  }
}
