// Edit: directions as sliders, of files, of SeFa, of single channels; before and after under a wipe.
import {S, defaults, Stage, Live, set, t, h, slider, list, number, button, info, files, picture, follow, download, api, toast, pinState, loadFiles, command, choice} from './core.js';

Object.assign(defaults, {edit_file: '', edits: [], wipe: 1});
Object.assign(S, {edit_file: '', edits: [], wipe: 1});

let stage, before, beforeCanvas, handle, sliders, chooser, styles = [], directions = [], found;

const active = () => S.edits.filter(e => e.strength);
const state = () => picture(active().length ? {edits: active().map(({label, most, ...e}) => e)} : {});
const same = (a, b) => a.file === b.file && a.name === b.name && JSON.stringify(a.style) === JSON.stringify(b.style);

function put(edit) {
  const edits = S.edits.filter(e => !same(e, edit));
  set({edits: [...edits, edit].slice(-16)});
}

function edited(edit, text, most) {
  const now = S.edits.find(e => same(e, edit));
  const e = slider({text, name: 'direction', min: -most, max: most, step: most / 100, value: now ? now.strength : 0, reset: 0,
    use: v => put({...edit, ...(S.edits.find(x => same(x, edit)) || {}), strength: v})});
  const layers = h('input', {type: 'text', class: 'layers-of', placeholder: t('all_layers'), title: '--layers', 'aria-label': t('layers'), value: now && now.layers || ''});
  layers.addEventListener('change', () => {
    const {layers: _, ...rest} = S.edits.find(x => same(x, edit)) || {...edit, strength: 0};
    put(/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(layers.value) ? {...rest, layers: layers.value} : rest);
  });
  if (!edit.style)
    e.append(h('div', {class: 'wide row small'}, h('span', {}, t('layers')), layers));
  e.edit = edit;
  return e;
}

async function openFile(file) {
  try {
    const got = await api('directions', {file});
    directions = got.directions.map((d, i) => ({file, name: d.name && !/[:,]/.test(d.name) ? d.name : String(i), label: d.name || `${i}`, space: d.space, scale: d.scale}));
    set({edit_file: file});
    draw();
  } catch (error) {
    toast(error.message, true);
  }
}

function draw() {
  const shown = directions.slice(0, 40);
  sliders.replaceChildren(...S.edits.filter(e => e.style).map(e => edited({style: e.style}, `${styles[e.style[0]] ? styles[e.style[0]].name.replace('synthesis.', '') : e.style[0]} · ${e.style[1]}`, 30)),
    ...shown.map((d, i) => edited({file: d.file, name: d.name}, `${i + 1}${d.label && d.label !== String(i) ? ' · ' + d.label : ''}`, 8)));
  if (!shown.length && !S.edits.length)
    sliders.append(h('div', {class: 'empty-state'}, t('edit_none')));
}

async function sefa() {
  try {
    const got = await api('sefa', S.network ? {network: S.network} : {});
    await loadFiles();
    fillFiles();
    await openFile(got.file);
    toast(got.command);
  } catch (error) {
    toast(error.message, true);
  }
}

function fillFiles() {
  const select = chooser.querySelector('select');
  select.replaceChildren(h('option', {value: ''}, '–'), ...files.directions.map(f => h('option', {value: f.name, title: f.path}, f.name)));
  select.value = S.edit_file;
}

function wipe(v) {
  beforeCanvas.style.clipPath = `inset(0 calc(100% - ${(1 - v) * 100}%) 0 0)`;
  handle.style.left = `${(1 - v) * 100}%`;
  handle.hidden = v >= 1;
}

export default {
  id: 'edit',
  icon: '<path d="M4 7h9M17 7h3M4 12h3M11 12h9M4 17h11M19 17h1"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="12" r="2"/><circle cx="17" cy="17" r="2"/>',
  async build(parent, side) {
    beforeCanvas = h('canvas', {class: 'before'});
    handle = h('i', {class: 'wipe'});
    stage = new Stage('edit', parent, {});
    stage.box.append(beforeCanvas, handle);
    before = new Live('edit before', bitmap => {
      if (!bitmap)
        return;
      beforeCanvas.width = bitmap.width;
      beforeCanvas.height = bitmap.height;
      beforeCanvas.getContext('2d').drawImage(bitmap, 0, 0);
    });
    follow(stage.box, event => this.drag(event), (dx, dy, event) => this.drag(event));
    const wiper = slider({text: t('wipe'), name: 'wipe', min: 0, max: 1, step: 0.01, value: S.wipe, hard: true, reset: 1, use: v => set({wipe: v})});
    this.wiper = wiper;
    parent.append(h('div', {class: 'bar'}, button('↺ ' + t('reset'), () => { set({edits: []}); draw(); }),
      button('◉ ' + t('pin'), () => pinState(state(), 'edit')), button('⤓ ' + t('download'), () => this.save(), 'main')));
    chooser = list({text: t('directions'), option: '--direction', value: '', values: [['', '–']], use: v => v ? openFile(v) : set({edit_file: ''})});
    sliders = h('div', {class: 'sliders'});
    found = h('div', {class: 'row'});
    const layer = h('select', {'aria-label': t('layer')}), channel = h('input', {type: 'number', min: 0, value: 0, 'aria-label': t('channel')});
    side.append(h('h2', {}, t('edit')), h('p', {}, t('edit_about')), wiper, chooser,
      h('div', {class: 'row'}, button('✧ SeFa', sefa, 'main'), h('span', {class: 'note'}, t('sefa_about'))),
      h('h3', {}, t('channel')), h('div', {class: 'row'}, h('span', {class: 'fill'}, layer), channel,
        button(t('add'), () => { put({style: [+layer.value, +channel.value], strength: 10}); draw(); })),
      h('h3', {}, t('strength')), sliders);
    fillFiles();
    try {
      styles = (await api('styles', S.network ? {network: S.network} : {})).styles;
      layer.replaceChildren(...styles.map((s, i) => h('option', {value: i}, `${s.name.replace('synthesis.', '')} (${s.channels})`)));
    } catch { styles = []; }
    if (S.edit_file)
      await openFile(S.edit_file);
    else
      draw();
  },
  drag(event) {
    const r = stage.box.getBoundingClientRect();
    set({wipe: Math.round((1 - Math.min(1, Math.max(0, (event.clientX - r.left) / r.width))) * 100) / 100});
  },
  update() {
    wipe(S.wipe);
    if (this.wiper)
      this.wiper.value(S.wipe);
    for (const e of sliders ? sliders.children : [])
      if (e.edit)
        e.value((S.edits.find(x => same(x, e.edit)) || {strength: 0}).strength);
    stage.show(state());
    before.ask(picture());
  },
  save() { download(state(), 'edited.png'); },
  key(key) {
    if (key !== 's')
      return false;
    this.save();
    return true;
  },
};
