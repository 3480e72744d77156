// Animate: keyframes on a line, a walk through them, and its video.
import {S, defaults, Stage, set, t, h, choice, list, slider, button, info, about, picture, latent, pins, here, thumb, thumbnail, api, toast, command, watch, taskBar, nameOf, save} from './core.js';

Object.assign(defaults, {keys: [], between: 60, fps: 30, ease: 'cubic', film: 'mp4', at: 0, film_task: ''});
Object.assign(S, {keys: [], between: 60, fps: 30, ease: 'cubic', film: 'mp4', at: 0, film_task: ''});

let stage, line, controls, bar, playing = 0, images = new Map(), turn = 0, rail, result;

const path = () => ({path: S.keys, ease: S.ease});
const state = () => S.keys.length > 1 ? picture({latent: {...path(), position: S.at}}) : picture(S.keys.length ? {latent: S.keys[0]} : {});
const lineOf = () => S.keys.length > 1 ? `atelier video${S.keys.every(k => k.seed !== undefined) ? ' --seeds ' + S.keys.map(k => k.seed).join(',') : ' --projected-w ' + about.outdir + '/walks/keys-1.npz'}` +
  ` --w-frames ${S.between} --fps ${S.fps} --ease ${S.ease} --output walk.${S.film}` : '';

async function image(l) {
  const key = JSON.stringify([S.network, l]);
  if (!images.has(key))
    images.set(key, await thumbnail(picture({latent: l})));
  return images.get(key);
}

function drawLine() {
  line.replaceChildren(...S.keys.map((l, i) => {
    const b = thumb({latent: l, image: ''}, () => set({at: i}), () => set({keys: S.keys.filter((_, k) => k !== i), at: 0}));
    image(l).then(src => { b.querySelector('img').src = src; }).catch(() => {});
    b.draggable = true;
    b.addEventListener('dragstart', event => event.dataTransfer.setData('text/plain', i));
    b.addEventListener('dragover', event => event.preventDefault());
    b.addEventListener('drop', event => {
      event.preventDefault();
      const from = +event.dataTransfer.getData('text/plain'), keys = [...S.keys], [moved] = keys.splice(from, 1);
      keys.splice(i, 0, moved);
      set({keys});
    });
    return b;
  }), h('button', {type: 'button', class: 'add', title: t('add_key'), onclick: () => set({keys: [...S.keys, latent()]})}, '+'));
}

function play() {
  if (playing) {
    cancelAnimationFrame(playing);
    playing = 0;
    controls.play.textContent = '▶ ' + t('play');
    return;
  }
  if (S.keys.length < 2)
    return toast(t('animate_few'), true);
  controls.play.textContent = '❚❚ ' + t('pause');
  let last = performance.now();
  const step = now => {
    set({at: (S.at + (now - last) / 1000 * S.fps / S.between) % S.keys.length});
    last = now;
    playing = requestAnimationFrame(step);
  };
  playing = requestAnimationFrame(step);
}

async function make() {
  if (S.keys.length < 2)
    return toast(t('animate_few'), true);
  try {
    const {side, format, quality, ...plain} = picture({latent: path()});
    const {task} = await api('video', {state: plain, between: S.between, fps: S.fps, format: S.film});
    set({film_task: task});
    follow(task);
  } catch (error) {
    toast(error.message, true);
  }
}

function show(task) {
  bar.show(task);
  if (task.command)
    command(task.command);
}

async function follow(id) {
  const mine = ++turn;
  const task = await watch(id, show, () => mine === turn);
  if (!task || mine !== turn)
    return;
  show(task); // a short one ends before anything else has been told of it
  if (task.phase === 'failed')
    toast(task.error, true);
  if (task.phase !== 'done' || !task.file)
    return;
  const address = '/api/v1/task-file/' + task.id;
  const film = /\.(gif|webp|apng)$/.test(task.file) ? h('img', {src: address, alt: task.file}) : h('video', {src: address, controls: true, loop: true, muted: true});
  result.replaceChildren(film, h('a', {href: address, download: task.file, class: 'button main'}, '⤓ ' + task.file));
}

export default {
  id: 'animate',
  icon: '<rect x="3.5" y="5" width="17" height="14" rx="2"/><path d="m10.5 9 4.5 3-4.5 3z"/>',
  build(parent, side) {
    parent.classList.add('film');
    stage = new Stage('animate', parent, {silent: true, drawn: () => { stage.badge.hidden = S.keys.length < 2; stage.badge.textContent = `${(S.at % Math.max(S.keys.length, 1)).toFixed(2)} / ${S.keys.length}`; }});
    line = h('div', {class: 'timeline'});
    controls = {
      at: slider({text: t('position'), name: 'position', min: 0, max: Math.max(S.keys.length, 1), step: 0.01, value: S.at, use: v => set({at: v})}),
      play: button('▶ ' + t('play'), play),
    };
    rail = h('div', {class: 'wide'}, controls.at);
    parent.append(h('div', {class: 'bar'}, controls.play), line, rail);
    bar = taskBar(() => { api('tasks/' + S.film_task, undefined, {method: 'DELETE'}).catch(() => {}); });
    result = h('div', {class: 'result'});
    const formats = ['mp4', 'webm', 'gif', 'webp', 'apng', 'y4m'].filter(f => about.videos.includes(f));
    side.append(h('h2', {}, t('animate')), h('p', {}, t('animate_about')),
      h('h3', {}, t('pins')), h('div', {class: 'pick'}, ...here(pins).map(p => thumb(p, () => set({keys: [...S.keys, p.latent]})))),
      h('div', {class: 'row'}, button(t('add_key'), () => set({keys: [...S.keys, latent()]})), button(t('add_random'), () => set({keys: [...S.keys, {seed: Math.floor(Math.random() * 10000)}]})),
        button(t('no_keys'), () => set({keys: [], at: 0}))),
      slider({text: t('between'), option: '--w-frames', name: 'between', min: 2, max: 240, step: 1, value: S.between, use: v => set({between: Math.max(1, Math.round(v))})}),
      slider({text: t('fps'), option: '--fps', min: 1, max: 60, step: 1, value: S.fps, hard: true, use: v => set({fps: v})}),
      choice({text: t('ease'), option: '--ease', value: S.ease, values: [['cubic', t('cubic')], ['linear', t('linear')], ['smooth', t('smooth')]], use: v => set({ease: v})}),
      choice({text: t('format'), option: '--format', value: S.film, values: formats.map(f => [f, f]), use: v => set({film: v})}),
      h('div', {class: 'row'}, button('● ' + t('make_video'), make, 'main')), bar.element, result);
    if (S.film_task)
      follow(S.film_task);
  },
  update(changed) {
    const range = controls.at.querySelector('input[type=range]');
    range.max = Math.max(S.keys.length, 1);
    controls.at.value(Math.round(S.at * 100) / 100);
    if (changed.at === undefined)
      drawLine();
    if (!bar.running())
      command(lineOf());
    stage.show(state());
  },
  leave() { cancelAnimationFrame(playing); playing = 0; turn++; },
  key(key) {
    if (key !== ' ')
      return false;
    play();
    return true;
  },
};
