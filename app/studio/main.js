// The studio's beginning: frame, panels, keys.
import {api, h, S, start, set, t, language, languages, setLanguage, show, toast, pinCurrent, command} from './core.js';
import explore from './explore.js';
import mix from './mix.js';
import move from './move.js';
import edit from './edit.js';
import drag from './drag.js';
import project from './project.js';
import animate from './animate.js';
import inside from './inside.js';
import train from './train.js';
import compare from './compare.js';

const panels = [explore, mix, move, edit, drag, project, animate, inside, train, compare];
let current = null;

function drawNavigation() {
  document.getElementById('panels').replaceChildren(...panels.map((p, i) => {
    const a = h('a', {href: '#' + p.id, title: `${t(p.id)} (${i + 1})`}, t(p.id));
    a.insertAdjacentHTML('afterbegin', `<svg viewBox="0 0 24 24" aria-hidden="true">${p.icon}</svg>`);
    if (current && p.id === current.id)
      a.setAttribute('aria-current', 'page');
    a.addEventListener('click', event => { event.preventDefault(); set({panel: p.id}); });
    return a;
  }));
}

function open(id) {
  const next = panels.find(p => p.id === id) || panels[0];
  if (current && current.leave)
    current.leave();
  current = next;
  const stage = h('div', {class: 'stage'}), side = h('div', {class: 'side'});
  document.getElementById('panel').replaceChildren(stage, side);
  document.title = `${t(next.id)} – Atelier`;
  drawNavigation();
  command('');
  next.build(stage, side);
  next.update({});
}

function drawFrame() {
  document.documentElement.lang = language();
  for (const e of document.querySelectorAll('[data-text]'))
    e.textContent = t(e.dataset.text);
  document.getElementById('copy').textContent = t('copy');
  document.getElementById('theme').title = t('theme');
  document.getElementById('help').title = t('keys');
}

// ---- keys

const keys = [
  ['1 … 9, 0', 'key_panel'], ['← →', 'key_seed'], ['↑ ↓', 'key_seed100'], ['R', 'key_random'], ['P', 'key_pin'],
  ['S', 'key_save'], ['C', 'key_copy'], ['Space', 'key_play'], ['?', 'keys'],
];

function showKeys() {
  const dialog = document.getElementById('keys');
  dialog.replaceChildren(h('h2', {}, t('keys')),
    h('dl', {}, ...keys.flatMap(([key, text]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, t(text))])),
    h('form', {method: 'dialog'}, h('button', {class: 'main'}, t('close'))));
  dialog.showModal();
}

function onKey(event) {
  const typing = event.target.matches('input:not([type=range]), select, textarea');
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]'))
    return;
  const key = event.key, slider = event.target.matches('input[type=range]');
  const number = '1234567890'.indexOf(key);
  const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  if (key.length === 1 && number >= 0 && panels[number])
    set({panel: panels[number].id});
  else if (moves[key] && !slider && !event.target.closest('.keeps-arrows'))
    set({x: Math.round(S.x) + moves[key][0], y: Math.round(S.y) + moves[key][1], pin: ''});
  else if (key === 'r')
    set({x: Math.floor(Math.random() * 100000), y: 0, pin: ''});
  else if (key === 'p')
    pinCurrent();
  else if (key === 'c')
    document.getElementById('copy').click();
  else if (key === '?')
    showKeys();
  else if (current && current.key && current.key(key, event))
    ;
  else
    return;
  event.preventDefault();
}

// ---- theme

function setTheme(theme) {
  if (theme)
    document.documentElement.dataset.theme = theme;
  else
    delete document.documentElement.dataset.theme;
  localStorage.setItem('atelier.theme', theme);
  document.getElementById('theme').textContent = {dark: '☾', light: '☀'}[theme] || '◐';
}

document.getElementById('theme').addEventListener('click', () => {
  const now = document.documentElement.dataset.theme || '';
  setTheme({'': 'dark', dark: 'light', light: ''}[now]);
});
setTheme(localStorage.getItem('atelier.theme') || '');

const select = document.getElementById('language');
select.replaceChildren(...Object.entries(languages).map(([code, name]) => h('option', {value: code}, name)));
select.value = language();
select.addEventListener('change', () => { setLanguage(select.value); drawFrame(); open(S.panel); show(); });

document.getElementById('help').addEventListener('click', showKeys);
document.getElementById('copy').addEventListener('click', async () => {
  const text = document.getElementById('line').textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h('textarea', {}, text);
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  toast(t('copied'));
});
addEventListener('keydown', onKey);

drawFrame();
start(changed => {
  if (!current || changed.panel !== undefined && changed.panel !== current.id)
    open(S.panel);
  else
    current.update(changed);
}).catch(error => toast(error.message, true));
export {api};
