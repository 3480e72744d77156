// Drag: handles go to targets, step by step, while one watches; what may change is painted.
import {S, defaults, Stage, set, t, h, choice, slider, button, info, picture, latent, api, toast, command, pinCurrent, save} from './core.js';

Object.assign(defaults, {points: [], drag_space: 'w+', drag_layers: 6, brush: 8});
Object.assign(S, {points: [], drag_space: 'w+', drag_layers: 6, brush: 8});

let stage, overlay, mask, session = null, running = false, log, startButton, mode = 'points', now = null, pending = null;

function drawOverlay() {
  const {width, height} = stage.canvas, scale = overlay.width / width || 1;
  const c = overlay.getContext('2d');
  overlay.width = Math.round(stage.box.clientWidth * devicePixelRatio) || 1;
  overlay.height = Math.round(stage.box.clientHeight * devicePixelRatio) || 1;
  const k = overlay.width / width;
  c.clearRect(0, 0, overlay.width, overlay.height);
  if (mask && mask.painted) {
    c.globalAlpha = 0.45;
    c.imageSmoothingEnabled = false;
    c.fillStyle = '#000';
    c.fillRect(0, 0, overlay.width, overlay.height);
    c.globalCompositeOperation = 'destination-out';
    c.globalAlpha = 1;
    c.drawImage(mask.canvas, 0, 0, overlay.width, overlay.height);
    c.globalCompositeOperation = 'source-over';
  }
  const at = v => (v + 0.5) * k;
  for (const [x, y, tx, ty] of now || S.points) {
    c.lineWidth = 2.5 * devicePixelRatio;
    c.strokeStyle = '#fff';
    c.beginPath(); c.moveTo(at(x), at(y)); c.lineTo(at(tx), at(ty)); c.stroke();
    for (const [px, py, colour] of [[x, y, '#e5484d'], [tx, ty, '#3e7bfa']]) {
      c.beginPath(); c.arc(at(px), at(py), 6.5 * devicePixelRatio, 0, 7); c.fillStyle = colour; c.fill(); c.stroke();
    }
  }
  const l = latent();
  if (session === null && S.points.length && l.seed !== undefined) // what it will be
    command(`atelier drag --seed ${l.seed} --points "${S.points.map(p => `${p[0]},${p[1]}>${p[2]},${p[3]}`).join(' ')}"` +
      (S.drag_space === 'w' ? ' --space w' : '') + ` --layers ${S.drag_layers}`);
  if (pending) {
    c.beginPath(); c.arc(at(pending[0]), at(pending[1]), 6.5 * devicePixelRatio, 0, 7); c.fillStyle = '#e5484d'; c.fill();
    c.strokeStyle = '#fff'; c.lineWidth = 2.5 * devicePixelRatio; c.stroke();
  }
}

async function maskName() {
  if (!mask || !mask.painted)
    return undefined;
  const blob = await new Promise(done => mask.canvas.toBlob(done, 'image/png'));
  const flat = await createImageBitmap(blob), black = h('canvas', {width: flat.width, height: flat.height});
  const c = black.getContext('2d');
  c.fillRect(0, 0, flat.width, flat.height);
  c.drawImage(flat, 0, 0);
  const png = await new Promise(done => black.toBlob(done, 'image/png'));
  return (await api('photos', undefined, {method: 'POST', headers: {'Content-Type': 'image/png'}, body: png})).photo;
}

async function use({blob, facts}) {
  session = facts.drag;
  now = facts.points;
  stage.put(await createImageBitmap(blob));
  stage.blob = blob;
  stage.box.dataset.step = facts.step;
  command(facts.command);
  log.textContent = t('drag_state', facts.step, facts.distance.toFixed(1), facts.ms.toFixed(0));
  drawOverlay();
  return facts;
}

async function begin() {
  if (session !== null)
    return;
  if (!S.points.length)
    throw new Error(t('drag_none'));
  const facts = await use(await api('drag', {state: picture(), points: S.points, mask: await maskName(), space: S.drag_space, layers: Math.min(S.drag_layers, info.num_ws)}));
  session = facts.drag;
}

function forget() {
  session = now = null;
  running = false;
  if (startButton)
    startButton.textContent = '▶ ' + t('start');
}

async function step() {
  await begin();
  return use(await api('drag-step', {drag: session, steps: 1}));
}

const guarded = work => async () => { try { await work(); } catch (error) { running = false; startButton.textContent = '▶ ' + t('start'); toast(error.message, true); } };

const run = guarded(async () => {
  running = !running;
  startButton.textContent = running ? '❚❚ ' + t('stop') : '▶ ' + t('start');
  const panel = stage;
  while (running && stage === panel) {
    const facts = await step();
    if (facts.arrived) {
      running = false;
      toast(t('arrived', facts.step));
    }
  }
  startButton.textContent = '▶ ' + t('start');
});

function clearMask() {
  mask = {canvas: h('canvas', {width: info.width, height: info.height}), painted: false};
}

function paint(event, erase) {
  const [x, y] = stage.place(event), c = mask.canvas.getContext('2d');
  c.globalCompositeOperation = erase ? 'destination-out' : 'source-over';
  c.fillStyle = '#fff';
  c.beginPath();
  c.arc(x, y, S.brush * info.width / 128, 0, 7);
  c.fill();
  mask.painted = true;
  forget();
  drawOverlay();
}

export default {
  id: 'drag',
  icon: '<circle cx="7" cy="17" r="2.6"/><path d="M9 15 17 7M17 7h-5M17 7v5"/>',
  build(parent, side) {
    forget();
    clearMask();
    overlay = h('canvas', {class: 'overlay'});
    stage = new Stage('drag', parent, {drawn: () => drawOverlay()});
    stage.box.append(overlay);
    let held = null;
    stage.box.addEventListener('pointerdown', event => {
      if (event.button)
        return;
      event.preventDefault();
      stage.box.setPointerCapture(event.pointerId);
      const [x, y] = stage.place(event).map(v => Math.round((v - 0.5) * 10) / 10);
      if (mode !== 'points')
        return paint(event, mode === 'erase');
      const near = (px, py) => Math.hypot(px - x, py - y) < info.width / 22;
      const list = S.points.map(p => [...p]);
      const i = list.findIndex(p => near(p[0], p[1]) || near(p[2], p[3]));
      held = i >= 0 && session === null ? [i, near(list[i][2], list[i][3]) ? 2 : 0] : [list.push([x, y, x, y]) - 1, 2];
      if (i < 0 || session !== null) {
        forget();
        set({points: list});
      }
    });
    stage.box.addEventListener('pointermove', event => {
      if (!event.buttons)
        return;
      if (mode !== 'points')
        return paint(event, mode === 'erase');
      if (!held)
        return;
      const [x, y] = stage.place(event).map((v, k) => Math.round(Math.min((k ? info.height : info.width) - 1, Math.max(0, v - 0.5)) * 10) / 10);
      const list = S.points.map(p => [...p]);
      list[held[0]].splice(held[1], 2, x, y);
      set({points: list});
    });
    stage.box.addEventListener('pointerup', () => {
      if (held) // a click without a way is no handle
        set({points: S.points.filter(p => Math.hypot(p[0] - p[2], p[1] - p[3]) > 0.5)});
      held = null;
    });
    startButton = button('▶ ' + t('start'), run, 'main');
    log = h('span', {class: 'note'});
    parent.append(h('div', {class: 'bar'}, startButton, button(t('step'), guarded(step)),
      button('↶ ' + t('undo'), guarded(async () => { if (session !== null) await use(await api('drag-undo', {drag: session})); })),
      button('↺ ' + t('reset'), () => { forget(); stage.show(picture()); }),
      button('◉ ' + t('pin'), guarded(async () => { if (session !== null) { const {pin} = await api('drag-pin', {drag: session}); await pinCurrent({pin}, pin); } }))), log);
    side.append(h('h2', {}, t('drag')), h('p', {}, t('drag_about')),
      choice({text: t('pointer'), value: mode, values: [['points', t('points')], ['paint', t('paint')], ['erase', t('erase')]], use: v => { mode = v; }}),
      slider({text: t('brush'), min: 1, max: 40, step: 1, value: S.brush, hard: true, use: v => set({brush: v})}),
      h('div', {class: 'row'}, button(t('no_points'), () => { forget(); set({points: []}); }), button(t('no_mask'), () => { forget(); clearMask(); drawOverlay(); })),
      choice({text: t('drag_space'), option: '--space', value: S.drag_space, values: [['w+', 'w+'], ['w', 'w']], use: v => { forget(); set({drag_space: v}); }}),
      slider({text: t('drag_layers'), option: '--layers', min: 1, max: info.num_ws || 1, step: 1, value: S.drag_layers, hard: true, use: v => { forget(); set({drag_layers: v}); }}));
    new ResizeObserver(drawOverlay).observe(stage.box);
  },
  update(changed) {
    if (changed.points !== undefined || changed.brush !== undefined || changed.drag_space || changed.drag_layers || changed.pins) {
      drawOverlay();
      return;
    }
    forget();
    stage.show(picture());
  },
  leave() { running = false; },
  key(key) {
    if (key === ' ')
      run();
    else if (key === 's' && stage.blob)
      save(stage.blob, 'dragged.jpg');
    else
      return false;
    return true;
  },
};
