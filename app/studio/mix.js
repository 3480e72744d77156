// Mix: pictures with the styles of a row, but for some layers, which are a column's.
import {S, defaults, set, t, h, Live, info, picture, pins, here, thumb, thumbnail, button, command, nameOf, toast, save, api, layerBrush, pinState} from './core.js';

Object.assign(defaults, {mix_rows: [{seed: 85}, {seed: 100}, {seed: 75}], mix_cols: [{seed: 55}, {seed: 821}, {seed: 1789}, {seed: 293}], mix_styles: '4-9', mix_at: [0, 0]});
Object.assign(S, {mix_rows: defaults.mix_rows, mix_cols: defaults.mix_cols, mix_styles: defaults.mix_styles, mix_at: [0, 0]});

let table, brush, cells, heads, menu;

function cell(state, name, use) {
  const canvas = h('canvas', {width: 1, height: 1});
  const box = h('button', {type: 'button', class: 'cell', onclick: use, title: name}, canvas);
  const live = new Live('mix ' + name, (bitmap, facts) => {
    if (!bitmap) {
      box.title = facts.error;
      return;
    }
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext('2d').drawImage(bitmap, 0, 0);
    if (!live.next)
      box.dataset.drawn = 'yes';
    if (box.getAttribute('aria-pressed') === 'true')
      command(facts.command);
  });
  return {box, show() {
    delete box.dataset.drawn; // until the newest picture is there
    live.ask(state());
  }};
}

const side = () => Math.max(info.width, info.height) > 300 ? 256 : undefined;
const mixed = (r, c) => picture({latent: S.mix_rows[r], ...(S.mix_styles ? {mix: {latent: S.mix_cols[c], styles: S.mix_styles}} : {}), side: side()});

function choose(r, c) {
  set({mix_at: [r, c]});
  mark();
  cells[r][c].show();
}

function mark() {
  cells.forEach((row, r) => row.forEach((x, c) => x.box.setAttribute('aria-pressed', r === S.mix_at[0] && c === S.mix_at[1])));
}

// A source's menu: another seed, a pin, or none.
function change(key, i) {
  const list = S[key], put = l => { const next = [...list]; next[i] = l; set({[key]: next}); build(); };
  const input = h('input', {type: 'number', min: 0, value: list[i].seed ?? 0, 'aria-label': t('seed')});
  input.addEventListener('keydown', event => { if (event.key === 'Enter') put({seed: +input.value}); });
  menu.replaceChildren(h('h3', {}, `${t(key)} ${i + 1}`), h('div', {class: 'row'}, input, button('OK', () => put({seed: +input.value}), 'main'),
    button(t('random'), () => put({seed: Math.floor(Math.random() * 100000)})),
    list.length > 1 ? button(t('remove'), () => { set({[key]: list.filter((_, k) => k !== i), mix_at: [0, 0]}); build(); }) : null),
    h('div', {class: 'pick'}, ...here(pins).map(p => thumb(p, () => put(p.latent)))));
  input.select();
}

function source(key, i) {
  const x = cell(() => picture({latent: S[key][i], side: side()}), `${key} ${i}`, () => change(key, i));
  x.box.classList.add('head');
  x.box.append(h('span', {}, nameOf(S[key][i])));
  return x;
}

function add(key) {
  const fresh = here(pins).find(p => !S[key].some(l => JSON.stringify(l) === JSON.stringify(p.latent)));
  set({[key]: [...S[key], fresh ? fresh.latent : {seed: Math.floor(Math.random() * 10000)}]});
  build();
}

function build() {
  const rows = S.mix_rows, cols = S.mix_cols;
  cells = rows.map((_, r) => cols.map((_, c) => cell(() => mixed(r, c), `${r} ${c}`, () => choose(r, c))));
  heads = {rows: rows.map((_, i) => source('mix_rows', i)), cols: cols.map((_, i) => source('mix_cols', i))};
  table.style.gridTemplateColumns = `repeat(${cols.length + 1}, minmax(48px, 1fr)) auto`;
  table.style.setProperty('--shape', (cols.length + 1.3) / (rows.length + 1.3) * (info.width / info.height));
  table.replaceChildren(h('span', {class: 'corner'}), ...heads.cols.map(x => x.box),
    h('button', {type: 'button', class: 'add', title: t('add'), onclick: () => add('mix_cols')}, '+'),
    ...cells.flatMap((row, r) => [heads.rows[r].box, ...row.map(x => x.box), h('span')]),
    h('button', {type: 'button', class: 'add', title: t('add'), onclick: () => add('mix_rows')}, '+'));
  mark();
  [...heads.rows, ...heads.cols].forEach(x => x.show());
  cells.flat().forEach(x => x.show());
}

async function sheet() { // the whole grid as one picture
  const all = [h('canvas')];
  const w = cells[0][0].box.querySelector('canvas').width, k = cells[0][0].box.querySelector('canvas').height;
  all[0].width = (S.mix_cols.length + 1) * w;
  all[0].height = (S.mix_rows.length + 1) * k;
  const c = all[0].getContext('2d'), put = (x, i, j) => c.drawImage(x.box.querySelector('canvas'), j * w, i * k, w, k);
  heads.rows.forEach((x, r) => put(x, r + 1, 0));
  heads.cols.forEach((x, j) => put(x, 0, j + 1));
  cells.forEach((row, r) => row.forEach((x, j) => put(x, r + 1, j + 1)));
  all[0].toBlob(blob => save(blob, 'mix.png'), 'image/png');
}

export default {
  id: 'mix',
  icon: '<rect x="3.5" y="3.5" width="7" height="7" rx="1.5"/><rect x="13.5" y="3.5" width="7" height="7" rx="1.5"/><rect x="3.5" y="13.5" width="7" height="7" rx="1.5"/><path d="M17 13.5v7M13.5 17h7"/>',
  build(parent, side) {
    table = h('div', {class: 'grid-of-pictures'});
    menu = h('div', {class: 'menu'});
    parent.append(table);
    brush = layerBrush(S.mix_styles, styles => { set({mix_styles: styles}); cells.flat().forEach(x => x.show()); });
    side.append(h('h2', {}, t('mix')), h('p', {}, t('mix_about')), brush,
      h('div', {class: 'row'}, button(t('coarse'), () => brush.choose(0, Math.floor(info.num_ws * 0.4) - 1)), button(t('middle'), () => brush.choose(Math.floor(info.num_ws * 0.4), Math.floor(info.num_ws * 0.7) - 1)),
        button(t('fine'), () => brush.choose(Math.floor(info.num_ws * 0.7), info.num_ws - 1))),
      h('div', {class: 'row'}, button('◉ ' + t('pin'), () => pinState(mixed(...S.mix_at), 'mix')), button('⤓ ' + t('sheet'), sheet, 'main')), menu);
    build();
  },
  update(changed) {
    if (changed.mix_styles !== undefined || changed.mix_at || changed.mix_rows || changed.mix_cols)
      return;
    if (changed.network !== undefined || changed.panel !== undefined)
      build();
  },
};
