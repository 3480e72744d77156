// Move: the pictures of StyleGAN3, shifted and turned.
import {S, defaults, Stage, set, t, h, slider, button, info, picture, follow, download, pinState, nameOf, latent} from './core.js';

Object.assign(defaults, {tx: 0, ty: 0, angle: 0});
Object.assign(S, {tx: 0, ty: 0, angle: 0});

let stage, controls, playing = 0;
const able = () => /stylegan3|stylegan-xl/.test(info.kind || '');
const state = () => picture(able() ? {translate: [S.tx, S.ty], rotate: S.angle} : {});
const round = v => Math.round(v * 1000) / 1000;

function play() {
  cancelAnimationFrame(playing);
  if (playing) {
    playing = 0;
    return;
  }
  let last = performance.now();
  const step = now => {
    set({angle: round((S.angle + (now - last) * 0.03 + 180) % 360 - 180)});
    last = now;
    playing = requestAnimationFrame(step);
  };
  playing = requestAnimationFrame(step);
}

export default {
  id: 'move',
  icon: '<path d="M12 3v18M3 12h18M12 3l-2.5 2.5M12 3l2.5 2.5M12 21l-2.5-2.5M12 21l2.5-2.5M3 12l2.5-2.5M3 12l2.5 2.5M21 12l-2.5-2.5M21 12l-2.5 2.5"/>',
  build(parent, side) {
    stage = new Stage('move', parent, {grab: able(), drawn: (facts, asked) => {
      stage.badge.hidden = false;
      stage.badge.textContent = asked ? `${nameOf(asked.latent)} · ${S.tx}, ${S.ty} · ${S.angle}°` : '';
    }});
    side.append(h('h2', {}, t('move')), h('p', {}, t('move_about')));
    if (!able()) {
      side.append(h('div', {class: 'empty-state'}, t('move_unable', info.kind || '')));
      controls = null;
      return;
    }
    follow(stage.box, () => true, (dx, dy, event) => {
      if (event.shiftKey)
        set({angle: round(S.angle + dx * 0.5)});
      else
        set({tx: round(S.tx + dx / stage.box.clientWidth), ty: round(S.ty + dy / stage.box.clientHeight)});
    });
    stage.box.addEventListener('wheel', event => { event.preventDefault(); set({angle: round(S.angle + event.deltaY * 0.1)}); }, {passive: false});
    const axis = (key, text) => slider({text: t(text), option: '--translate', min: -1, max: 1, step: 0.005, value: S[key], reset: 0, use: v => set({[key]: v})});
    controls = {tx: axis('tx', 'across'), ty: axis('ty', 'down'),
      angle: slider({text: t('angle'), option: '--rotate', min: -180, max: 180, step: 0.5, value: S.angle, reset: 0, use: v => set({angle: v})})};
    side.append(controls.tx, controls.ty, controls.angle,
      h('div', {class: 'row'}, button('↺ ' + t('reset'), () => set({tx: 0, ty: 0, angle: 0})), button('▶ ' + t('turn'), play)));
    parent.append(h('div', {class: 'bar'}, button('⤓ ' + t('download'), () => this.save(), 'main')));
  },
  update() {
    if (controls)
      for (const [key, e] of Object.entries(controls))
        e.value(S[key]);
    stage.show(state());
  },
  leave() { cancelAnimationFrame(playing); playing = 0; },
  save() { download(state(), 'moved.png'); },
  key(key) {
    if (key === ' ' && able()) { play(); return true; }
    if (key === 's') { this.save(); return true; }
    return false;
  },
};
