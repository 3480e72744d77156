// Inside: the layers of a network with shapes and times, and what a layer gives.
import {S, defaults, Stage, set, t, h, slider, choice, number, button, info, picture, api, toast, save} from './core.js';

Object.assign(defaults, {layer: '', channel: -1, first: 0, db: 0, spectrum: false, normalize: true});
Object.assign(S, {layer: '', channel: -1, first: 0, db: 0, spectrum: false, normalize: true});

let stage, controls, table, numbers, layers = [], shape = [1, 1, 1, 1], shown = 1;

const state = () => ({state: picture(), layer: S.layer, channel: S.channel, first: S.first, scale: S.db, spectrum: S.spectrum, normalize: S.normalize});

function describe(facts) {
  if (!facts.shape)
    return;
  shape = facts.shape;
  shown = facts.shown || 1;
  const row = (name, m) => h('tr', {}, h('th', {}, name), ...[m.mean, m.deviation, m.max].map(v => h('td', {}, v.toPrecision(4))));
  numbers.replaceChildren(h('tr', {}, h('th'), ...['mean', 'deviation', 'max'].map(k => h('th', {}, t(k)))),
    ...(facts.all ? [row(t('all_channels'), facts.all), row(t('shown_channels'), facts.part)] : []));
  controls.first.hidden = S.channel >= 0 || S.spectrum || shape[1] <= shown;
}

function fill() {
  const most = Math.max(...layers.map(l => l.ms), 1e-9);
  table.replaceChildren(h('tr', {}, ...['layer', 'shape', 'ms'].map(k => h('th', {}, t(k)))), ...layers.map(l => {
    const row = h('tr', {class: l.name === S.layer ? 'chosen' : '', tabindex: 0, onclick: () => set({layer: l.name, channel: -1, first: 0})},
      h('td', {}, l.name.replace('synthesis.', '')), h('td', {}, l.shape.slice(1).join('×')),
      h('td', {class: 'time'}, h('i', {}), h('span', {}, l.ms ? l.ms.toFixed(2) : '')));
    row.querySelector('i').style.width = `${l.ms / most * 100}%`;
    row.addEventListener('keydown', event => { if (event.key === 'Enter') row.click(); });
    return row;
  }));
}

export default {
  id: 'inside',
  icon: '<path d="m12 3 9 5-9 5-9-5z"/><path d="m3 12.5 9 5 9-5"/><path d="m3 17 9 5 9-5"/>',
  async build(parent, side) {
    stage = new Stage('inside', parent, {path: 'layer', drawn: describe});
    stage.box.classList.add('pixels');
    stage.box.addEventListener('click', event => { // a tile is a channel
      if (S.channel >= 0 || S.spectrum) {
        set({channel: -1});
        return;
      }
      const [x, y] = stage.place(event), w = shape[3] + 1, across = Math.round((stage.canvas.width + 1) / w);
      const channel = S.first + Math.floor(y / (shape[2] + 1)) * across + Math.floor(x / w);
      if (channel < shape[1])
        set({channel});
    });
    table = h('table', {class: 'layers'});
    numbers = h('table', {class: 'numbers'});
    controls = {
      channel: choice({text: t('channels'), value: S.channel < 0 ? 'all' : 'one', values: [['all', t('many')], ['one', t('one')]], use: v => set({channel: v === 'all' ? -1 : 0})}),
      which: number({text: t('channel'), value: Math.max(S.channel, 0), min: 0, use: v => set({channel: v})}),
      first: number({text: t('first'), value: S.first, min: 0, step: 64, use: v => set({first: Math.max(0, v)})}),
      spectrum: choice({text: t('shows'), value: S.spectrum, values: [[false, t('values')], [true, t('spectrum')]], use: v => set({spectrum: v})}),
      db: slider({text: t('gain'), min: -40, max: 40, step: 1, value: S.db, reset: 0, use: v => set({db: v})}),
      normalize: choice({text: t('normalize'), value: S.normalize, values: [[true, t('yes')], [false, t('no')]], use: v => set({normalize: v})}),
    };
    side.append(h('h2', {}, t('inside')), h('p', {}, t('inside_about')), h('div', {class: 'scroll'}, table), ...Object.values(controls), numbers,
      h('div', {class: 'row'}, button('⤓ ' + t('save_picture'), () => stage.blob && save(stage.blob, `${S.layer}.png`), 'main')));
    try {
      const got = await api('layers', S.network ? {network: S.network} : {});
      layers = got.layers.filter(l => l.name.startsWith('synthesis') && l.name !== 'synthesis');
      if (!layers.some(l => l.name === S.layer)) {
        const drawn = layers.filter(l => l.shape.length === 4 && l.shape[1] > 4);
        set({layer: (drawn[Math.floor(drawn.length / 2)] || layers[0]).name});
      } else
        this.update({});
    } catch (error) {
      toast(error.message, true);
    }
  },
  update() {
    if (!S.layer || !layers.some(l => l.name === S.layer))
      return;
    fill();
    controls.channel.value(S.channel < 0 ? 'all' : 'one');
    controls.which.hidden = S.channel < 0;
    controls.which.value(S.channel);
    controls.spectrum.value(S.spectrum);
    controls.db.hidden = controls.normalize.hidden = S.spectrum;
    controls.normalize.value(S.normalize);
    stage.show(state());
  },
};
