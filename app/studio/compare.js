// Compare: two networks with the same seeds, and a network between them.
import {S, defaults, Stage, set, t, h, slider, list, button, info, files, picture, download, latent, command} from './core.js';

Object.assign(defaults, {other: '', alpha: 0.5});
Object.assign(S, {other: '', alpha: 0.5});

let stages, controls;
const other = () => S.other || (files.networks.find(n => n.name !== (S.network || files.networks[0].name)) || files.networks[0]).name;
const blend = () => picture({network: S.network || files.networks[0].name, blend: {network: other(), alpha: S.alpha}});

export default {
  id: 'compare',
  icon: '<rect x="3" y="5" width="8" height="14" rx="1.5"/><rect x="13" y="5" width="8" height="14" rx="1.5"/><path d="M12 2.5v19"/>',
  build(parent, side) {
    parent.classList.add('three');
    const place = (name, title) => {
      const box = h('figure', {}), caption = h('figcaption', {}, title);
      const stage = new Stage('compare ' + name, box, {silent: name !== 'blend'});
      box.append(caption);
      parent.append(box);
      stage.caption = caption;
      return stage;
    };
    stages = {a: place('a', ''), blend: place('blend', ''), b: place('b', '')};
    controls = {
      other: list({text: t('other'), value: other(), values: files.networks.map(n => [n.name, n.name]), use: v => set({other: v})}),
      alpha: slider({text: t('alpha'), option: '--alpha', name: 'alpha', min: 0, max: 1, step: 0.01, value: S.alpha, hard: true, reset: 0.5, use: v => set({alpha: v})}),
    };
    side.append(h('h2', {}, t('compare')), h('p', {}, t('compare_about')), controls.other, controls.alpha,
      h('div', {class: 'row'}, button('⚄ ' + t('random'), () => set({x: Math.floor(Math.random() * 100000), y: 0, pin: ''})),
        button('⤓ ' + t('download'), () => download(blend(), 'blend.png'), 'main')));
    if (files.networks.length < 2)
      side.append(h('div', {class: 'empty-state'}, t('compare_one')));
  },
  update() {
    controls.alpha.value(S.alpha);
    const a = S.network || files.networks[0].name;
    stages.a.caption.textContent = a;
    stages.b.caption.textContent = other();
    stages.blend.caption.textContent = `${Math.round((1 - S.alpha) * 100)} : ${Math.round(S.alpha * 100)}`;
    stages.a.show(picture({network: a}));
    stages.b.show(picture({network: other()}));
    stages.blend.show(blend());
  },
};
