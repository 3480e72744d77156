// Explore: the picture large, the map of seeds, truncation, noise, class.
import {S, Stage, set, t, h, slider, choice, number, button, info, picture, latent, follow, download, pinCurrent, remember, nameOf, api, classOf} from './core.js';

let stage, controls, map;

// ---- the map: small pictures of the seeds around, and where one is

class SeedMap {
  constructor() {
    this.canvas = h('canvas', {width: 680, height: 680});
    this.box = h('div', {class: 'map keeps-arrows', tabindex: 0, role: 'application', 'aria-label': t('map')}, this.canvas);
    this.images = new Map();
    this.loading = 0;
    this.across = 5;
    follow(this.box, () => true, (dx, dy) => {
      const cell = this.box.clientWidth / this.across;
      set({x: round(S.x - dx / cell), y: round(S.y - dy / cell), pin: ''});
    });
    this.box.addEventListener('keydown', event => {
      const step = event.shiftKey ? 1 : 0.1;
      const by = {ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step]}[event.key];
      if (!by)
        return;
      event.preventDefault();
      set({x: round(S.x + by[0]), y: round(S.y + by[1]), pin: ''});
    });
    this.box.addEventListener('wheel', event => {
      event.preventDefault();
      this.across = Math.min(9, Math.max(3, this.across + (event.deltaY > 0 ? 1 : -1)));
      this.draw();
    }, {passive: false});
  }
  key(x, y) { return JSON.stringify([S.network, x, y, S.psi, S.cutoff, info.c_dim ? classOf() : 0]); }
  draw() {
    const c = this.canvas.getContext('2d'), size = this.canvas.width, cell = size / this.across, style = getComputedStyle(this.box);
    const [ink, faint, accent] = ['--soft', '--line', '--accent'].map(n => style.getPropertyValue(n));
    c.clearRect(0, 0, size, size);
    const missing = [];
    for (let y = Math.floor(S.y - this.across / 2); y <= S.y + this.across / 2; y++)
      for (let x = Math.floor(S.x - this.across / 2); x <= S.x + this.across / 2; x++) {
        const left = size / 2 + (x - S.x) * cell, top = size / 2 + (y - S.y) * cell, r = cell * 0.36;
        const image = this.images.get(this.key(x, y));
        c.save();
        c.beginPath();
        c.roundRect(left - r, top - r, 2 * r, 2 * r, 14);
        c.strokeStyle = faint;
        c.lineWidth = 2;
        c.stroke();
        c.clip();
        if (image)
          c.drawImage(image, left - r, top - r, 2 * r, 2 * r);
        else
          missing.push([Math.hypot(x - S.x, y - S.y), x, y]);
        c.restore();
        c.fillStyle = ink;
        c.font = '500 17px ui-monospace, monospace';
        c.textAlign = 'center';
        if (x + 100 * y >= 0)
          c.fillText(String(x + 100 * y), left, top + r + 19);
      }
    c.strokeStyle = accent;
    c.lineWidth = 4;
    c.beginPath();
    c.arc(size / 2, size / 2, 15, 0, 7);
    c.moveTo(size / 2 - 27, size / 2); c.lineTo(size / 2 - 8, size / 2);
    c.moveTo(size / 2 + 8, size / 2); c.lineTo(size / 2 + 27, size / 2);
    c.moveTo(size / 2, size / 2 - 27); c.lineTo(size / 2, size / 2 - 8);
    c.moveTo(size / 2, size / 2 + 8); c.lineTo(size / 2, size / 2 + 27);
    c.stroke();
    clearTimeout(this.timer); // small pictures come when the hand rests
    this.timer = setTimeout(() => this.load(missing.sort((a, b) => a[0] - b[0])), 180);
  }
  async load(missing) {
    const turn = this.turn = {};
    for (const [, x, y] of missing) {
      if (this.turn !== turn || !this.box.isConnected || info.width * info.height > 600 * 600 && this.images.size > 24)
        return;
      const key = this.key(x, y);
      try {
        const seed = x + 100 * y;
        const {blob} = await api('frame', picture({latent: seed >= 0 ? {seed} : {at: [x, y]}, side: 96, quality: 80, format: 'jpg', panel: 'map'}));
        this.images.set(key, await createImageBitmap(blob));
      } catch {
        return;
      }
      if (this.turn === turn) {
        clearTimeout(this.soon);
        this.soon = setTimeout(() => this.redraw(), 30);
      }
    }
  }
  // Where one is moves at once; pictures of another truncation or class come when the hand rests.
  follow(moved) {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.rest);
    if (moved)
      this.frame = requestAnimationFrame(() => this.draw());
    else
      this.rest = setTimeout(() => this.draw(), 180);
  }
  redraw() {
    const turn = this.turn;
    this.draw();
    clearTimeout(this.timer);
    this.turn = turn; // what is being loaded goes on
  }
}

const round = v => Math.round(v * 1000) / 1000;

const state = () => picture();

export default {
  id: 'explore',
  icon: '<circle cx="12" cy="12" r="8.5"/><path d="m15.5 8.5-2 5-5 2 2-5z"/>',
  build(parent, side) {
    stage = new Stage('explore', parent, {grab: true, drawn: (facts, asked) => {
      stage.badge.hidden = false;
      stage.badge.textContent = asked ? nameOf(asked.latent) : '';
      if (asked)
        remember(asked);
    }});
    follow(stage.box, () => true, (dx, dy) => {
      const scale = stage.box.clientWidth * 0.6;
      set({x: round(S.x - dx / scale), y: round(S.y - dy / scale), pin: ''});
    });
    parent.append(h('div', {class: 'bar'}, button('⚄ ' + t('random'), () => set({x: Math.floor(Math.random() * 100000), y: 0, pin: ''})),
      button('◉ ' + t('pin'), () => pinCurrent()), button('⤓ ' + t('download'), () => this.save(), 'main')));
    map = new SeedMap();
    const psi = S.psi === null ? info.psi ?? 1 : S.psi;
    controls = {
      seed: number({text: t('seed'), option: '--seeds', value: 0, min: 0, max: 4294967295, use: v => set({x: v, y: 0, pin: ''})}),
      psi: slider({text: t('psi'), option: '--trunc', name: 'psi', min: -1, max: 2, step: 0.01, value: psi, reset: info.psi, use: v => set({psi: v})}),
      cutoff: slider({text: t('cutoff'), option: '--trunc-cutoff', min: 0, max: info.num_ws || 1, step: 1, value: S.cutoff || info.num_ws || 1, hard: true, use: v => set({cutoff: v >= info.num_ws ? 0 : v, psi: S.psi ?? info.psi})}),
      noise: choice({text: t('noise'), option: '--noise-mode', value: S.noise, values: ['const', 'random', 'none', 'sg2'].map(v => [v, t('noise_' + v)]), use: v => set({noise: v})}),
      noise_seed: number({text: t('noise_seed'), option: '--noise-seed', value: S.noise_seed, min: 0, max: 4294967295, use: v => set({noise_seed: v})}),
    };
    side.append(h('h2', {}, t('explore')), h('p', {}, t('explore_about')), map.box,
      h('div', {class: 'row'}, h('span', {class: 'fill'}, controls.seed), button(t('snap'), () => set({x: Math.round(S.x), y: Math.round(S.y), pin: ''}))),
      controls.psi, controls.cutoff, controls.noise, controls.noise_seed);
    if (info.c_dim) {
      controls.cls = slider({text: t('class'), option: '--class', min: 0, max: info.c_dim - 1, step: 1, value: S.cls, hard: true, use: v => set({cls: v})});
      side.append(controls.cls);
    }
    if (info.c_dim > 1) {
      controls.other_cls = slider({text: t('other_class'), name: 'other_cls', min: 0, max: info.c_dim - 1, step: 1, value: S.other_cls, hard: true, use: v => set({other_cls: v})});
      side.append(controls.other_cls, slider({text: t('class_share'), name: 'share', min: 0, max: 1, step: 0.01, value: S.share, hard: true, reset: 0, use: v => set({share: v})}));
    }
    side.append(choice({text: t('transfer'), value: S.format, values: [['jpg', 'JPEG'], ['webp', 'WebP'], ['png', 'PNG']], use: v => set({format: v})}),
      slider({text: t('quality'), min: 30, max: 100, step: 1, value: S.quality, hard: true, use: v => set({quality: v})}));
  },
  update(changed) {
    const l = latent();
    controls.seed.value(l.seed ?? '');
    controls.psi.value(S.psi ?? info.psi ?? 1);
    controls.noise.value(S.noise);
    controls.noise_seed.hidden = S.noise !== 'random' && S.noise !== 'sg2';
    map.follow(['panel', 'network', 'x', 'y', 'pin'].some(key => changed[key] !== undefined));
    stage.show(state());
  },
  save() { download(state(), `seed${nameOf(latent()).replace(', ', '_')}.png`); },
  key(key) {
    if (key !== 's')
      return false;
    this.save();
    return true;
  },
};
