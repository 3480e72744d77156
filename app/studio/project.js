// Project: a photo goes in, the network finds it, and what it finds is a pin.
import {S, defaults, Stage, set, t, h, choice, slider, button, info, about, picture, api, toast, command, pinCurrent, watch, loadFiles, Live, taskBar} from './core.js';

Object.assign(defaults, {steps: 200, project_space: 'w+', loss: 'auto', align: true, photo: '', task: '', tune_steps: 100});
Object.assign(S, {steps: 200, project_space: 'w+', loss: 'auto', align: true, photo: '', task: '', tune_steps: 100});

let target, found, bar, drop, last = null, turn = 0;

async function send(file) {
  if (!file)
    return;
  try {
    const got = await api('photos', undefined, {method: 'POST', headers: {'Content-Type': file.type || 'image/jpeg'}, body: file});
    target.put(await createImageBitmap(file));
    drop.classList.add('filled');
    set({photo: got.photo, task: ''});
  } catch (error) {
    toast(error.message, true);
  }
}

async function show(task) {
  bar.show(task);
  if (task.command)
    command(task.command);
  if (task.frame && task.version !== show.seen) {
    show.seen = task.version;
    try {
      const {blob} = await api('task-frame/' + task.id);
      found.put(await createImageBitmap(blob));
      found.box.dataset.frames = (+found.box.dataset.frames || 0) + 1;
    } catch { /* the next one */ }
  }
}

async function follow(id) {
  const mine = ++turn;
  const task = await watch(id, show, () => mine === turn);
  if (!task || mine !== turn)
    return;
  last = task;
  await show(task);
  if (task.error && task.phase === 'failed')
    toast(task.error, true);
  if (task.result && task.result.pin) {
    await pinCurrent({pin: task.result.pin}, task.result.pin);
    set({pin: task.result.pin});
  }
  if (task.result && task.result.network) {
    await loadFiles();
    toast(t('tuned', task.result.network));
  }
}

async function start(kind, body) {
  try {
    const {task} = await api(kind, {...(S.network ? {network: S.network} : {}), ...(S.loss === 'auto' ? {} : {loss: S.loss}), ...body});
    set({task});
    follow(task);
  } catch (error) {
    toast(error.message, true);
  }
}

export default {
  id: 'project',
  icon: '<rect x="3.5" y="5" width="17" height="14" rx="2"/><circle cx="12" cy="12" r="3.2"/><path d="M7 8.5h.01"/>',
  build(parent, side) {
    parent.classList.add('two');
    const figure = (name, title) => {
      const box = h('figure'), stage = new Stage(name, box, {silent: true});
      box.append(h('figcaption', {}, title));
      parent.append(box);
      return stage;
    };
    target = figure('target', t('photo'));
    found = figure('found', t('found'));
    const file = h('input', {type: 'file', accept: 'image/*', id: 'photo-file', 'aria-label': t('photo')});
    file.addEventListener('change', () => send(file.files[0]));
    drop = h('label', {class: 'drop', for: 'photo-file'}, h('b', {}, t('drop')), h('span', {}, t('drop_about')), file);
    target.box.append(drop);
    target.box.addEventListener('dragover', event => { event.preventDefault(); drop.classList.add('over'); });
    target.box.addEventListener('dragleave', () => drop.classList.remove('over'));
    target.box.addEventListener('drop', event => { event.preventDefault(); drop.classList.remove('over'); send(event.dataTransfer.files[0]); });
    bar = taskBar(() => { api('tasks/' + S.task, undefined, {method: 'DELETE'}).catch(() => {}); });
    side.append(h('h2', {}, t('project')), h('p', {}, t('project_about')),
      choice({text: t('align'), option: 'atelier align', value: S.align, values: [[true, t('yes')], [false, t('no')]], use: v => set({align: v})}),
      choice({text: t('space'), option: '--space', value: S.project_space, values: [['w', 'w'], ['w+', 'w+']], use: v => set({project_space: v})}),
      choice({text: t('loss'), option: '--loss', value: S.loss, values: [['auto', t('auto')], ['lpips', 'LPIPS'], ['mse', 'MSE']], use: v => set({loss: v})}),
      slider({text: t('steps'), option: '--steps', name: 'steps', min: 10, max: 1000, step: 10, value: S.steps, use: v => set({steps: Math.max(1, Math.round(v))})}),
      h('div', {class: 'row'}, button('▶ ' + t('find'), () => S.photo ? start('project', {photo: S.photo, align: S.align, space: S.project_space, steps: S.steps}) : toast(t('no_photo'), true), 'main')),
      bar.element, h('h3', {}, t('tune')), h('p', {}, t('tune_about')),
      slider({text: t('steps'), option: '--steps', min: 10, max: 700, step: 10, value: S.tune_steps, use: v => set({tune_steps: Math.max(1, Math.round(v))})}),
      h('div', {class: 'row'}, button('⚒ ' + t('tune'), () => last && last.result && last.result.projection ? start('tune', {projection: last.result.projection, steps: S.tune_steps}) : toast(t('no_projection'), true))));
    if (S.task)
      follow(S.task);
  },
  update(changed) {
    if (!Object.keys(changed).length || changed.panel !== undefined || changed.pin !== undefined || changed.network !== undefined)
      if (!bar.running())
        found.show(picture());
  },
  leave() { turn++; },
};
