// What panels share: the state, which is the address; requests; the picture; controls; pins and history; texts.
import {texts} from './texts.js';

// ---- texts

export const languages = {en: 'English', de: 'Deutsch', zh: '中文'};
const order = ['en', 'de', 'zh'];
let spoken = localStorage.getItem('atelier.language') || (navigator.languages || ['en']).map(l => l.slice(0, 2)).find(l => languages[l]) || 'en';
export const language = () => spoken;
export function setLanguage(code) {
  spoken = code;
  localStorage.setItem('atelier.language', code);
}
export function t(key, ...values) {
  const row = texts[key];
  let text = row ? row[order.indexOf(spoken)] || row[0] : key;
  values.forEach((v, i) => { text = text.replace('{' + i + '}', v); });
  return text;
}

// ---- elements

export function h(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on'))
      e.addEventListener(key.slice(2), value);
    else if (key === 'style') // an attribute is what the page's policy forbids
      e.style.cssText = value;
    else if (value === true)
      e.setAttribute(key, '');
    else if (value !== false && value !== undefined && value !== null)
      e.setAttribute(key, value);
  }
  e.append(...children.filter(c => c !== null && c !== undefined));
  return e;
}

export function toast(text, bad) {
  const e = h('div', {class: bad ? 'toast bad' : 'toast'}, text);
  document.getElementById('toasts').append(e);
  setTimeout(() => e.remove(), bad ? 7000 : 2200);
}

// ---- the state, which is the address

export const defaults = {
  panel: 'explore', network: '', x: 0, y: 0, pin: '', psi: null, cutoff: 0, noise: 'const', noise_seed: 0, cls: 0, other_cls: 1, share: 0,
  format: 'jpg', quality: 90,
};
export const S = {...defaults};
let listener = () => {};

function write() {
  const q = new URLSearchParams();
  for (const [key, value] of Object.entries(S))
    if (key !== 'panel' && JSON.stringify(value) !== JSON.stringify(defaults[key]))
      q.set(key, typeof value === 'string' ? value : JSON.stringify(value));
  const hash = '#' + S.panel + (q.size ? '?' + q : '');
  if (hash !== location.hash)
    history.replaceState(null, '', hash);
}

// What an address says has the kind of the default, which for the truncation is a number or none.
function fits(value, like) {
  if (like === null)
    return value === null || Number.isFinite(value);
  if (Array.isArray(like))
    return Array.isArray(value) && value.every(v => v !== null && typeof v === (like.length ? typeof like[0] : 'object'));
  return typeof value === 'number' ? typeof like === 'number' && Number.isFinite(value) : typeof value === typeof like && value !== null;
}

const isLatent = l => Number.isInteger(l.seed) || typeof l.pin === 'string' || Array.isArray(l.at) && l.at.length === 2 && l.at.every(Number.isFinite);
const ofLatents = ['keys', 'mix_rows', 'mix_cols'];

function read() {
  const [panel, query] = location.hash.slice(1).split('?');
  const q = new URLSearchParams(query || ''), next = {...defaults, panel: panel || 'explore'};
  for (const [key, text] of q) {
    if (!(key in defaults) || key === 'panel')
      continue;
    try {
      const value = typeof defaults[key] === 'string' ? text : JSON.parse(text);
      if (fits(value, defaults[key]) && (!ofLatents.includes(key) || value.every(isLatent)))
        next[key] = value;
    } catch { /* an address that somebody has changed: the default */ }
  }
  return next;
}

let writing = 0;
export function set(changes) {
  const network = changes.network !== undefined && changes.network !== S.network;
  Object.assign(S, changes);
  clearTimeout(writing); // browsers allow so many changes of the address in a second
  writing = setTimeout(write, changes.panel ? 0 : 150);
  if (network)
    openNetwork().then(() => listener(changes));
  else
    listener(changes);
}

// ---- requests

export const client = Array.from(crypto.getRandomValues(new Uint8Array(8)), b => b.toString(16).padStart(2, '0')).join('');

async function refuse(response) {
  let text = response.statusText;
  try {
    text = (await response.json()).error || text;
  } catch { /* no JSON: the status says what there is to say */ }
  const error = new Error(text);
  error.status = response.status;
  throw error;
}

export async function api(path, body, options = {}) {
  const response = await fetch('/api/v1/' + path, body === undefined ? options : {
    method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({client, ...body}), ...options,
  });
  if (!response.ok)
    await refuse(response);
  const type = response.headers.get('Content-Type') || '';
  if (type.startsWith('application/json'))
    return response.json();
  const facts = JSON.parse(response.headers.get('X-Atelier') || '{}');
  return {blob: await response.blob(), facts};
}

// A picture that follows a state: one request at a time, and after it the newest state.
export class Live {
  constructor(panel, use, path = 'frame') {
    Object.assign(this, {panel, use, path, next: null, busy: false, tries: 0});
  }
  ask(state) {
    this.next = state;
    if (!this.busy)
      this.run();
  }
  async run() {
    this.busy = true;
    while (this.next) {
      const state = this.next;
      this.next = null;
      const began = performance.now();
      try {
        const {blob, facts} = await api(this.path, {panel: this.panel, ...state});
        facts.round = performance.now() - began;
        this.tries = 0;
        await this.use(await createImageBitmap(blob), facts, blob, state);
      } catch (error) {
        if (error.status === 409) // somebody of ours was quicker
          continue;
        if (error.status === 503 && this.tries++ < 20) {
          await new Promise(wake => setTimeout(wake, 150));
          this.next = this.next || state;
        } else
          this.use(null, {error: error.message});
      }
    }
    this.busy = false;
  }
}

// ---- long tasks

// Tells each newer state of a task while `goes()`; the last one when it has ended.
export async function watch(id, use, goes = () => true) {
  let after = 0;
  while (goes()) {
    let task;
    try {
      task = await api(`tasks/${id}?after=${after}`);
    } catch (error) {
      if (error.status === 404)
        return null;
      await new Promise(wake => setTimeout(wake, 1000));
      continue;
    }
    if (['done', 'failed', 'stopped'].includes(task.phase))
      return task;
    after = task.version;
    await use(task);
  }
  return null;
}

export function taskBar(stop) {
  const progress = h('progress', {max: 1, value: 0}), words = h('span', {class: 'note'}), end = button(t('stop'), stop, 'stop');
  const element = h('div', {class: 'task', hidden: true}, progress, h('div', {class: 'row'}, words, end));
  let phase = '';
  return {element, running: () => phase === 'running' || phase === 'waiting', show(task) {
    phase = task.phase;
    element.hidden = false;
    element.dataset.phase = phase;
    end.hidden = !this.running();
    if (task.total)
      progress.value = task.done / task.total;
    else if (this.running())
      progress.removeAttribute('value');
    else
      progress.value = 1;
    words.textContent = [t('phase_' + phase), task.total ? `${task.done} / ${task.total}` : '', task.note, this.running() && task.left ? t('left', task.left.toFixed(0)) : ''].filter(Boolean).join(' · ');
  }};
}

// ---- networks

export let about = {}, files = {}, info = {};

export const latent = () => S.pin ? {pin: S.pin} : Number.isInteger(S.x) && Number.isInteger(S.y) && S.x + 100 * S.y >= 0
  ? {seed: S.x + 100 * S.y} : {at: [S.x, S.y]};

// A class, or some of one and the rest of another.
export const classOf = () => S.share ? `mix:${S.cls}:${Math.round((1 - S.share) * 100) / 100},${S.other_cls}:${S.share}` : S.cls;

// What all panels' pictures have in common; `more` goes over it.
export function picture(more = {}) {
  const p = {latent: latent(), noise: S.noise, format: S.format, quality: S.quality};
  if (S.network)
    p.network = S.network;
  if (S.psi !== null)
    p.psi = S.psi;
  if (S.cutoff)
    p.cutoff = S.cutoff;
  if (S.noise === 'random' || S.noise === 'sg2')
    p.noise_seed = S.noise_seed;
  if (info.c_dim)
    p.class = classOf();
  return {...p, ...more};
}

export async function loadFiles() {
  files = await api('files');
  const select = document.getElementById('network');
  select.replaceChildren(...files.networks.map(n => h('option', {value: n.name, title: n.path}, n.name)));
  select.value = S.network || (files.networks[0] || {}).name;
}

async function openNetwork() {
  const facts = document.getElementById('facts');
  try {
    info = await api('network', S.network ? {network: S.network} : {});
    facts.textContent = `${info.kind} · ${info.width}×${info.height} · ${(info.parameters / 1e6).toFixed(1)} M`;
    if (info.cutoff && S.psi === null)
      S.cutoff = info.cutoff;
  } catch (error) {
    info = {};
    facts.textContent = '';
    toast(error.message, true);
  }
}

export async function start(use) {
  listener = use;
  Object.assign(S, read());
  addEventListener('hashchange', () => {
    const next = read(), network = next.network !== S.network;
    Object.assign(S, next);
    (network ? openNetwork() : Promise.resolve()).then(() => { listener({panel: S.panel}); loadTray(); });
  });
  const opened = openNetwork(); // beside the others: it is what the first picture waits for
  about = await api('about');
  await loadFiles();
  await opened;
  document.getElementById('network').addEventListener('change', event => set({network: event.target.value, cutoff: 0}));
  show();
  listener({panel: S.panel});
}

// ---- the picture on the stage

export class Stage {
  constructor(panel, parent, options = {}) {
    this.canvas = h('canvas');
    this.badge = h('span', {class: 'badge', hidden: true});
    this.box = h('div', {class: 'picture' + (options.grab ? ' grab' : ''), tabindex: 0, role: 'img', 'aria-label': t('picture')}, this.canvas, this.badge);
    this.box.style.setProperty('--ratio', (info.width || 1) / (info.height || 1));
    this.error = h('div', {class: 'error', role: 'alert'});
    parent.append(this.box, this.error);
    this.options = options;
    this.live = new Live(panel, (bitmap, facts, blob, state) => this.draw(bitmap, facts, blob, state), options.path);
  }
  show(state) {
    this.box.classList.add('waits');
    this.slow = this.slow || setTimeout(() => this.box.classList.add('slow'), 300); // a mark that moves costs frames
    this.live.ask(state);
  }
  draw(bitmap, facts, blob, state) {
    this.box.classList.toggle('waits', !!this.live.next); // a newer state than this one
    this.box.classList.remove('slow');
    clearTimeout(this.slow);
    this.slow = 0;
    this.error.textContent = facts.error || '';
    if (bitmap) {
      this.put(bitmap);
      this.blob = blob;
      timing(facts);
      if (!this.options.silent && facts.command)
        command(facts.command);
      this.box.dataset.frames = (+this.box.dataset.frames || 0) + 1;
    }
    if (this.options.drawn)
      this.options.drawn(facts, state);
  }
  put(bitmap) {
    if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
      this.canvas.width = bitmap.width;
      this.canvas.height = bitmap.height;
      this.box.style.setProperty('--ratio', bitmap.width / bitmap.height);
    }
    this.canvas.getContext('2d').drawImage(bitmap, 0, 0);
  }
  // Where a pointer is, in pixels of the picture.
  place(event) {
    const r = this.canvas.getBoundingClientRect();
    return [(event.clientX - r.left) / r.width * this.canvas.width, (event.clientY - r.top) / r.height * this.canvas.height];
  }
}

const recent = [];
function timing(facts) {
  recent.push(facts.round);
  if (recent.length > 20)
    recent.shift();
  const mean = recent.reduce((a, b) => a + b, 0) / recent.length;
  document.getElementById('timing').textContent = `${mean.toFixed(0)} ms`;
  document.getElementById('timing').title = t('timing', facts.ms.toFixed(1), facts.round.toFixed(1));
}

export function command(text) {
  const line = document.getElementById('line');
  line.replaceChildren(...(text || '').split(/( --?[a-z][a-z-]*)/).map((part, i) => i % 2 ? h('b', {}, part) : part));
  document.getElementById('copy').disabled = !text;
}

// Follows a pointer from where it goes down: move(dx, dy, event) in CSS pixels.
export function follow(element, begin, move, end = () => {}) {
  element.addEventListener('pointerdown', event => {
    if (event.button || begin(event) === false)
      return;
    event.preventDefault();
    element.focus();
    element.setPointerCapture(event.pointerId);
    let [x, y] = [event.clientX, event.clientY];
    const on = e => { move(e.clientX - x, e.clientY - y, e); [x, y] = [e.clientX, e.clientY]; };
    const off = e => { element.removeEventListener('pointermove', on); element.removeEventListener('pointerup', off);
      element.removeEventListener('pointercancel', off); end(e); };
    element.addEventListener('pointermove', on);
    element.addEventListener('pointerup', off);
    element.addEventListener('pointercancel', off);
  });
}

// ---- controls: each is an element with .value(), and shows the option that does the same

let serial = 0;
const label = (id, text, option) => h('label', {for: id}, text, option ? h('code', {}, option) : null);

export function slider(o) { // {text, option, min, max, step, value, use}
  const id = 'c' + ++serial;
  const range = h('input', {type: 'range', id, min: o.min, max: o.max, step: o.step, value: o.value, 'data-name': o.name});
  const number = h('input', {type: 'number', min: o.hard ? o.min : undefined, max: o.hard ? o.max : undefined, step: o.step, value: o.value, 'aria-label': o.text});
  const fill = () => range.style.setProperty('--fill', `${(range.value - o.min) / (o.max - o.min) * 100}%`);
  range.addEventListener('input', () => { number.value = range.value; fill(); o.use(+range.value); });
  number.addEventListener('change', () => { if (number.value === '') return; range.value = number.value; fill(); o.use(+number.value); });
  range.addEventListener('dblclick', () => { if (o.reset !== undefined) { range.value = number.value = o.reset; fill(); o.use(o.reset); } });
  const e = h('div', {class: 'control'}, label(id, o.text, o.option), number, range);
  e.value = v => { if (document.activeElement !== number) number.value = v; if (document.activeElement !== range) range.value = v; fill(); };
  fill();
  return e;
}

export function choice(o) { // {text, option, values: [[value, text]...], value, use}
  const buttons = o.values.map(([value, text]) => h('button', {type: 'button', 'data-value': String(value),
    onclick: () => { e.value(value); o.use(value); }}, text));
  const e = h('div', {class: 'control', role: 'group', 'aria-label': o.text}, h('span', {class: 'label'}, o.text, o.option ? h('code', {}, o.option) : null),
    h('div', {class: 'segments'}, ...buttons));
  e.value = v => buttons.forEach(b => b.setAttribute('aria-pressed', b.dataset.value === String(v)));
  e.value(o.value);
  return e;
}

export function list(o) { // the same as a list to open
  const id = 'c' + ++serial;
  const select = h('select', {id}, ...o.values.map(([value, text]) => h('option', {value}, text)));
  select.value = o.value;
  select.addEventListener('change', () => o.use(select.value));
  const e = h('div', {class: 'control'}, label(id, o.text, o.option), select);
  e.value = v => { select.value = v; };
  return e;
}

export function number(o) { // {text, option, min, step, value, use, empty: the value of an empty field}
  const id = 'c' + ++serial;
  const input = h('input', {type: 'number', id, min: o.min, max: o.max, step: o.step || 1, value: o.value});
  input.addEventListener('change', () => {
    if (input.value !== '')
      o.use(+input.value);
    else if (o.empty !== undefined)
      o.use(o.empty);
  });
  const e = h('div', {class: 'control'}, label(id, o.text, o.option), input);
  e.value = v => { if (document.activeElement !== input) input.value = v; };
  return e;
}

// Layers chosen by drawing over them, as "0-3,7".
export const layerList = text => text.split(',').filter(Boolean).flatMap(part => {
  const [from, to = from] = part.split('-').map(Number);
  return Array.from({length: Math.max(0, to - from + 1)}, (_, i) => from + i);
});
export function layerText(layers) {
  const parts = [];
  [...layers].sort((a, b) => a - b).forEach(l => {
    const last = parts[parts.length - 1];
    if (last && last[1] === l - 1)
      last[1] = l;
    else
      parts.push([l, l]);
  });
  return parts.map(([a, b]) => a === b ? `${a}` : `${a}-${b}`).join(',');
}
export function layerBrush(text, use) {
  const chosen = new Set(layerList(text).filter(l => l < info.num_ws)), cells = [];
  const cellsBox = h('div', {class: 'brush keeps-arrows', role: 'group', 'aria-label': t('layers')});
  const shown = h('code');
  const draw = () => {
    cells.forEach((c, i) => c.setAttribute('aria-pressed', chosen.has(i)));
    shown.textContent = '--styles ' + (layerText(chosen) || '–');
  };
  const put = (i, on) => {
    if (i >= 0 && chosen.has(i) !== on) {
      on ? chosen.add(i) : chosen.delete(i);
      draw();
      use(layerText(chosen));
    }
  };
  for (let i = 0; i < (info.num_ws || 0); i++) {
    cells.push(h('button', {type: 'button', 'data-layer': i}, String(i)));
    cells[i].addEventListener('keydown', event => { if (event.key === ' ' || event.key === 'Enter') { event.preventDefault(); put(i, !chosen.has(i)); } });
  }
  cellsBox.append(...cells);
  let on = true;
  const at = event => { const e = document.elementFromPoint(event.clientX, event.clientY); return e && e.parentNode === cellsBox ? +e.dataset.layer : -1; };
  follow(cellsBox, event => { const i = at(event); on = !chosen.has(i); put(i, on); }, (dx, dy, event) => put(at(event), on));
  const e = h('div', {class: 'control'}, h('span', {class: 'label'}, t('layers'), shown), cellsBox);
  e.choose = (from, to) => { chosen.clear(); for (let i = from; i <= to; i++) chosen.add(i); draw(); use(layerText(chosen)); };
  draw();
  return e;
}

export const button = (text, use, kind) => h('button', {type: 'button', class: kind, onclick: use}, text);

export function save(blob, name) {
  const a = h('a', {href: URL.createObjectURL(blob), download: name});
  document.body.append(a);
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(a.href), 10000);
}

// The same picture as PNG with the record of how it was made.
export async function download(state, name) {
  try {
    const {blob} = await api('frame', {...state, format: 'png', record: true});
    save(blob, name);
  } catch (error) {
    toast(error.message, true);
  }
}

// ---- pins and history: small pictures that lead back

const keep = (key, value) => { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* full: they live as long as the page */ } };
const kept = key => { try { return JSON.parse(localStorage.getItem(key)) || []; } catch { return []; } };
export let pins = kept('atelier.pins'), past = kept('atelier.past');

export async function thumbnail(state) {
  const {blob} = await api('frame', {panel: 'thumb' + Math.random().toString(36).slice(2, 8), ...state, format: 'jpg', quality: 80, side: 112, record: undefined});
  return new Promise(done => { const r = new FileReader(); r.onload = () => done(r.result); r.readAsDataURL(blob); });
}

export const nameOf = l => l.pin || (l.seed !== undefined ? String(l.seed) : `${+l.at[0].toFixed(2)}, ${+l.at[1].toFixed(2)}`);

export async function pinCurrent(l = latent(), name) {
  try {
    const pin = {latent: l, name: name || nameOf(l), network: S.network, state: {psi: S.psi, cutoff: S.cutoff}, image: await thumbnail(picture({latent: l}))};
    pins = [pin, ...pins.filter(p => JSON.stringify([p.latent, p.network]) !== JSON.stringify([pin.latent, pin.network]))].slice(0, 60);
    keep('atelier.pins', pins);
    show();
    listener({pins: true});
    toast(t('pinned'));
  } catch (error) {
    toast(error.message, true);
  }
}

// What no seed makes: its styles are kept in a file of the studio.
export async function pinState(state, stem) {
  try {
    const {side, format, quality, ...plain} = state;
    const {pin} = await api('pins', {state: plain, name: stem});
    await pinCurrent({pin}, pin);
    return pin;
  } catch (error) {
    toast(error.message, true);
  }
}

export function dropPin(pin) {
  pins = pins.filter(p => p !== pin);
  keep('atelier.pins', pins);
  show();
  listener({pins: true});
}

export function go(l) {
  if (l.pin)
    set({pin: l.pin});
  else if (l.seed !== undefined)
    set({pin: '', x: l.seed, y: 0});
  else
    set({pin: '', x: l.at[0], y: l.at[1]});
}

let settled = 0;
export function remember(state) { // when the hand rests
  clearTimeout(settled);
  settled = setTimeout(async () => {
    const key = JSON.stringify(state.latent);
    if (past.length && JSON.stringify(past[0].latent) === key && past[0].network === S.network)
      return;
    try {
      past = [{latent: state.latent, network: S.network, image: await thumbnail(state)}, ...past].slice(0, 40);
      keep('atelier.past', past);
      show();
    } catch { /* a picture less to go back to */ }
  }, 700);
}

export const here = list => list.filter(p => p.network === S.network);

export function thumb(p, use, remove) {
  const name = p.name || nameOf(p.latent);
  const b = h('button', {class: 'thumb', type: 'button', title: name, onclick: use}, h('img', {src: p.image, alt: name}), h('span', {}, name));
  if (remove)
    b.append(h('i', {class: 'x', title: t('remove'), onclick: event => { event.stopPropagation(); remove(); }}, '×'));
  return b;
}

function loadTray() { show(); }

export function show() {
  const strip = (text, empty, items) => h('div', {class: 'strip'}, h('b', {}, t(text)),
    h('div', {}, ...(items.length ? items : [h('span', {class: 'empty'}, t(empty))])));
  document.getElementById('tray').replaceChildren(
    strip('pins', 'no_pins', here(pins).map(p => thumb(p, () => go(p.latent), () => dropPin(p)))),
    strip('past', 'no_past', here(past).map(p => thumb(p, () => go(p.latent)))));
}
