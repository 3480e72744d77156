// Train: the runs of the folders, their curves, grids and alarms; a new run, with its plan first.
import {S, defaults, set, t, h, choice, list, number, button, files, about, api, toast, command, watch, loadFiles, taskBar} from './core.js';

Object.assign(defaults, {run: '', grid: -1, train_task: '', set: '', cfg: 'auto', kimg: 100, batch: 0, gamma: -1, cbase: 0, cmax: 0, lod_training: 0, lod_transition: 0, mirror: true, aug: ''});
Object.assign(S, {run: '', grid: -1, train_task: '', set: '', cfg: 'auto', kimg: 100, batch: 0, gamma: -1, cbase: 0, cmax: 0, lod_training: 0, lod_transition: 0, mirror: true, aug: ''});

let chooser, view, plan, bar, grown = [], starters = [], timer = 0, shown = null;
let turn = 0, looks = 0; // of followed tasks and of looks at a run only the newest goes on
let told = false; // the command is that of the task

// ---- curves

const colours = ['--accent', '--good', '--bad', '--soft'];

function curve(title, x, rows) {
  const canvas = h('canvas', {width: 640, height: 300}), c = canvas.getContext('2d'), style = getComputedStyle(document.body);
  const values = rows.flatMap(r => r.y.filter(v => v !== null));
  if (!values.length)
    return null;
  const low = Math.min(...values), high = Math.max(...values), span = high - low || 1, right = x[x.length - 1] || 1, left = x[0] || 0;
  const px = v => 94 + (v - left) / (right - left || 1) * 530, py = v => 264 - (v - low) / span * 240;
  c.font = '500 17px ui-monospace, monospace';
  c.fillStyle = style.getPropertyValue('--soft');
  c.strokeStyle = style.getPropertyValue('--line');
  for (let i = 0; i <= 2; i++) {
    const v = low + span * i / 2;
    c.beginPath(); c.moveTo(94, py(v)); c.lineTo(630, py(v)); c.stroke();
    c.textAlign = 'right';
    c.fillText(+v.toPrecision(3), 88, py(v) + 5);
  }
  c.textAlign = 'right';
  c.fillText(`${+right.toPrecision(4)} kimg`, 630, 290);
  rows.forEach((r, i) => {
    c.strokeStyle = style.getPropertyValue(colours[i % colours.length]);
    c.lineWidth = 3;
    c.beginPath();
    r.y.forEach((v, k) => { if (v !== null) c.lineTo(px(x[k]), py(v)); });
    c.stroke();
  });
  return h('figure', {class: 'curve'}, h('figcaption', {}, h('b', {}, title), ...rows.map((r, i) => h('span', {style: `color: var(${colours[i % colours.length]})`}, r.name))), canvas);
}

const groups = [
  ['Loss', ['Loss/G/loss', 'Loss/D/loss']], ['Scores', ['Loss/scores/real', 'Loss/scores/fake']],
  ['Signs', ['Loss/signs/real', 'Loss/signs/fake']], ['Augmentation', ['Progress/augment']], ['R1', ['Loss/r1_penalty']], ['Path length', ['Loss/pl_penalty']],
];

async function look() {
  clearTimeout(timer);
  const mine = ++looks;
  if (!S.run || !view.isConnected)
    return;
  try {
    const run = await api('run', {run: S.run});
    if (mine === looks && JSON.stringify(run) !== JSON.stringify(shown)) {
      await draw(run, () => mine === looks);
      if (mine === looks)
        shown = run;
    }
    if (mine === looks && !told)
      command(`atelier report ${run.path}\natelier train --resume ${run.path}`);
  } catch (error) {
    if (mine === looks) {
      shown = null;
      view.replaceChildren(h('div', {class: 'error'}, error.message));
    }
  }
  if (mine === looks)
    timer = setTimeout(look, 3000); // it lives
}

async function draw(run, wanted) {
  let grid = null;
  const parts = [h('div', {class: 'figures'}, h('span', {}, h('b', {}, run.kimg.toFixed(1)), ' kimg'), h('span', {}, h('b', {}, run.ticks), ' ticks'))];
  parts.push(...run.alarms.map(a => h('div', {class: a.fatal ? 'alarm fatal' : 'alarm'}, h('b', {}, a.alarm), ' ', a.text)));
  if (run.grids.length) {
    const newest = S.grid >= 0 && S.grid < run.grids.length ? S.grid : run.grids.map(g => g.startsWith('fakes') ? g : '').reduce((best, g, i) => g && /\d/.test(g) ? i : best, 0);
    const {blob} = await api('run-grid', {run: S.run, grid: newest});
    if (!wanted())
      return;
    const src = URL.createObjectURL(blob), image = h('img', {class: 'run-grid', src, alt: run.grids[newest]});
    await image.decode().finally(() => URL.revokeObjectURL(src));
    image.style.maxWidth = image.naturalWidth + 'px'; // its pictures are small enough
    const select = h('select', {'aria-label': t('grid')}, ...run.grids.map((g, i) => h('option', {value: i}, g)));
    select.value = newest;
    select.addEventListener('change', () => { shown = null; set({grid: +select.value}); });
    parts.push(h('div', {class: 'row'}, select), grid = h('div', {class: 'scroll run-grids', tabindex: 0}, image));
  }
  const known = name => run.curves[name];
  const charts = groups.map(([title, names]) => curve(title, run.x, names.filter(known).map(n => ({name: n.split('/').slice(-2).join('/'), y: run.curves[n]})))).filter(Boolean);
  parts.push(h('div', {class: 'curves'}, ...charts));
  const old = view.querySelector('.run-grids'), [x, y] = old ? [old.scrollLeft, old.scrollTop] : [0, 0];
  if (!wanted())
    return;
  view.replaceChildren(...parts);
  if (grid)
    grid.scrollTo(x, y); // whoever looks at a part of it goes on looking
}

// ---- a new run

const grows = cfg => ['stylegan1', 'progan'].includes(cfg);

const body = () => ({data: S.set || (files.sets[0] || {}).name, cfg: S.cfg, kimg: S.kimg, mirror: S.mirror, aug: S.aug,
  ...(S.cbase > 0 ? {cbase: S.cbase} : {}), ...(S.cmax > 0 ? {cmax: S.cmax} : {}), ...(S.batch > 0 ? {batch: S.batch} : {}), ...(S.gamma >= 0 ? {gamma: S.gamma} : {}),
  ...(grows(S.cfg) && S.lod_training > 0 ? {lod_training_kimg: S.lod_training} : {}),
  ...(grows(S.cfg) && S.lod_transition > 0 ? {lod_transition_kimg: S.lod_transition} : {})});

function show(task) {
  bar.show(task);
  starters.forEach(b => { b.disabled = bar.running(); }); // one at a time: a plan beside a training measures both
  if (task.command) {
    told = true;
    command(task.command);
  }
  plan.textContent = task.result ? task.result.text : '';
  plan.hidden = !plan.textContent;
  plan.dataset.phase = task.phase;
}

async function follow(id) {
  const mine = ++turn;
  const task = await watch(id, show, () => mine === turn);
  if (!task || mine !== turn)
    return;
  show(task);
  if (task.phase === 'failed')
    toast(task.error, true);
}

// Shows the run that a task has begun as soon as its folder is there.
async function seek(before) {
  for (const mine = turn; mine === turn;) {
    const last = !bar.running();
    await new Promise(wake => setTimeout(wake, 500));
    await loadFiles();
    const fresh = files.runs.find(r => !before.includes(r.name));
    if (mine === turn && fresh) {
      fillRuns();
      shown = null;
      set({run: fresh.name, grid: -1});
    }
    if (fresh || last)
      return;
  }
}

async function begin(kind, more) {
  const before = files.runs.map(r => r.name);
  show({phase: 'waiting'});
  try {
    const {task} = await api(kind, more || body());
    set({train_task: task});
    follow(task);
    if (kind === 'train' && !more)
      await seek(before);
  } catch (error) {
    show({phase: 'failed'});
    toast(error.message, true);
  }
}

function fillRuns() {
  const select = chooser.querySelector('select');
  select.replaceChildren(...files.runs.map(r => h('option', {value: r.name}, r.name)));
  select.value = S.run;
}

const cfgs = ['auto', 'stylegan2', 'stylegan3-t', 'stylegan3-r', 'stylegan1', 'progan'].map(c => [c, c]);
const showGrown = () => grown.forEach(e => { e.hidden = !grows(S.cfg); });

export default {
  id: 'train',
  icon: '<path d="M3.5 20.5h17"/><path d="m4.5 15 4.5-5 4 3.5 7-9"/>',
  build(parent, side) {
    shown = null;
    parent.classList.add('top');
    view = h('div', {class: 'run'});
    parent.append(view);
    chooser = list({text: t('run'), value: S.run, values: [], use: v => { shown = null; told = false; set({run: v, grid: -1}); }});
    plan = h('pre', {class: 'plan', hidden: true});
    bar = taskBar(() => { api('tasks/' + S.train_task, undefined, {method: 'DELETE'}).catch(() => {}); });
    side.append(h('h2', {}, t('train')), h('p', {}, t('train_about')), chooser);
    starters = [];
    told = false;
    if (!about.trains)
      return;
    grown = [['lod_training', '--lod-training-kimg'], ['lod_transition', '--lod-transition-kimg']].map(([key, option]) =>
      number({text: t(key), option, value: S[key] || '', min: 0, step: 'any', empty: 0, use: v => set({[key]: v})}));
    showGrown();
    starters = [button(t('plan'), () => begin('plan')), button('▶ ' + t('start_run'), () => begin('train'), 'main'),
      button(t('resume'), () => S.run && begin('train', {resume: S.run}))];
    side.append(h('h3', {}, t('new_run')),
      files.sets.length ? list({text: t('set'), option: '--data', value: S.set || files.sets[0].name, values: files.sets.map(s => [s.name, s.name]), use: v => set({set: v})})
        : h('div', {class: 'empty-state'}, t('no_sets')),
      list({text: t('cfg'), option: '--cfg', value: S.cfg, values: cfgs, use: v => { set({cfg: v}); showGrown(); }}),
      number({text: t('kimg'), option: '--kimg', value: S.kimg, min: 0, step: 'any', use: v => set({kimg: v})}),
      ...grown,
      number({text: t('batch'), option: '--batch', value: S.batch || '', min: 0, empty: 0, use: v => set({batch: v})}),
      number({text: 'Gamma', option: '--gamma', value: S.gamma < 0 ? '' : S.gamma, min: 0, step: 'any', empty: -1, use: v => set({gamma: v})}),
      number({text: t('cbase'), option: '--cbase', value: S.cbase || '', min: 0, empty: 0, use: v => set({cbase: v})}),
      number({text: t('cmax'), option: '--cmax', value: S.cmax || '', min: 0, empty: 0, use: v => set({cmax: v})}),
      choice({text: t('mirror'), option: '--mirror', value: S.mirror, values: [[true, t('yes')], [false, t('no')]], use: v => set({mirror: v})}),
      choice({text: t('aug'), option: '--aug', value: S.aug, values: [['', 'auto'], ['ada', 'ada'], ['fixed', 'fixed'], ['noaug', t('no')]], use: v => set({aug: v})}),
      h('div', {class: 'row'}, ...starters), bar.element, plan);
    if (S.train_task)
      follow(S.train_task);
  },
  update() {
    if (!S.run && files.runs.length)
      S.run = files.runs[files.runs.length - 1].name;
    fillRuns();
    if (!files.runs.length)
      view.replaceChildren(h('div', {class: 'empty-state'}, t('no_runs')));
    look();
  },
  leave() { clearTimeout(timer); turn++; looks++; },
};
