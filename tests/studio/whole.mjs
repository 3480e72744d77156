// SPDX-License-Identifier: Apache-2.0
// The whole page, panel after panel, as somebody uses it who goes through all of them: what stands on each has the
// recorded structure, whatever fonts and pixels are; nothing hangs over at any width; nothing is asked from elsewhere.
import {createRequire} from 'node:module';
import {readFileSync, writeFileSync, mkdirSync} from 'node:fs';
import assert from 'node:assert/strict';

const {chromium} = createRequire(import.meta.url)(process.env.PLAYWRIGHT);

const base = process.argv[2], images = process.env.STUDIO_IMAGES;
const expected = JSON.parse(readFileSync('structure.json', 'utf8')), found = {};
const browser = await chromium.launch({executablePath: process.env.CHROMIUM, args: ['--no-sandbox']});
const context = await browser.newContext({viewport: {width: 1180, height: 760}, colorScheme: 'dark', locale: 'en-US', permissions: ['clipboard-read', 'clipboard-write']});
const page = await context.newPage();
const wrong = [];
page.on('pageerror', error => wrong.push('error of the page: ' + error.message));
page.on('console', message => { if (message.type() === 'error' && !/40[0-9]|503/.test(message.text())) wrong.push('console: ' + message.text()); });
page.on('request', request => { if (!request.url().startsWith(base) && !/^(blob|data):/.test(request.url())) wrong.push('asks ' + request.url()); });
page.setDefaultTimeout(60000);

const command = pattern => page.waitForFunction(p => new RegExp(p).test(document.getElementById('line').textContent), pattern.source);
const frames = n => page.waitForFunction(n => +document.querySelector('.picture').dataset.frames >= n, n);
const count = () => page.evaluate(() => +document.querySelector('.picture').dataset.frames || 0);

// Whether a canvas shows more than one colour, and a sum that tells pictures apart.
const look = (selector = '.picture canvas') => page.evaluate(selector => {
  const c = document.querySelector(selector), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let sum = 0, low = 255, high = 0;
  for (let i = 0; i < d.length; i += 4) {
    sum = (sum * 31 + d[i] + 3 * d[i + 1] + 7 * d[i + 2]) % 1000003;
    low = Math.min(low, d[i]);
    high = Math.max(high, d[i]);
  }
  return {sum, range: high - low, width: c.width, height: c.height};
}, selector);

async function slide(name, value) {
  await page.evaluate(([name, value]) => {
    const e = document.querySelector(`input[type=range][data-name="${name}"]`);
    e.value = value;
    e.dispatchEvent(new Event('input', {bubbles: true}));
  }, [name, value]);
}

const press = text => page.getByRole('button', {name: text}).first().click();
const go = async (panel, query = '') => {
  await page.goto('about:blank');
  await page.goto(`${base}#${panel}${query}`);
  await page.waitForSelector('#panels a[aria-current=page]');
};

// What a panel consists of: names of places and how many controls of each kind, where they stand to each other.
const structure = () => page.evaluate(() => {
  const shown = e => e.getClientRects().length > 0, box = s => document.querySelector(s).getBoundingClientRect();
  const side = document.querySelector('.side'), n = s => [...side.querySelectorAll(s)].filter(shown).length;
  const stage = box('.stage'), controls = box('.side'), line = box('#command'), nav = box('#panels');
  return {title: side.querySelector('h2').textContent, parts: [...side.querySelectorAll('h3')].filter(shown).map(e => e.textContent),
    sliders: n('input[type=range]'), choices: n('.segments'), lists: n('select'),
    buttons: [...document.querySelectorAll('#panel .bar button, #panel .side .row > button')].filter(shown).map(e => e.textContent.replace(/^[^\p{L}]+/u, '')),
    panels: document.querySelectorAll('#panels a').length, pictures: document.querySelectorAll('.stage .picture').length,
    order: nav.right <= stage.left + 1 && stage.right <= controls.left + 1 && controls.bottom <= line.top + 120};
});

async function settle(panel, size) {
  found[panel] = await structure();
  if (images) {
    mkdirSync(images, {recursive: true});
    await page.waitForTimeout(500);
    await page.screenshot({path: `${images}/studio-${panel}.png`});
  }
  for (const [width, height] of [[390, 844], [820, 1180], [1900, 1000], [1180, 760]]) {
    await page.setViewportSize({width, height});
    await page.waitForTimeout(60);
    const over = await page.evaluate(() => {
      const inside = e => { for (let p = e.parentElement; p; p = p.parentElement) if (/auto|scroll|hidden/.test(getComputedStyle(p).overflowX) && p !== document.body) return true; return false; };
      return [...document.querySelectorAll('#panel *, #top *, #command *')].filter(e => e.getClientRects().length && e.getBoundingClientRect().right > innerWidth + 1 && !inside(e)).map(e => e.outerHTML.slice(0, 80));
    });
    assert.deepEqual(over, [], `${panel} hangs over at ${width} pixels`);
  }
  console.log('ok', panel);
}

const parts = {
  async explore() {
    await go('explore', '?x=12');
    await frames(1);
    const first = await look();
    assert(first.range > 50 && first.width === 64);
    await command(/^atelier generate --seeds 12 --trunc 1$/);
    await slide('psi', 0.5);
    await command(/--trunc 0\.5/);
    const second = await look();
    assert.notEqual(second.sum, first.sum);
    const map = await page.locator('.map').boundingBox(); // the map is dragged: between seeds
    await page.mouse.move(map.x + 150, map.y + 150);
    await page.mouse.down();
    await page.mouse.move(map.x + 120, map.y + 150, {steps: 4});
    await page.mouse.up();
    await command(/--at 12\.\d+,0 --trunc 0\.5/);
    await page.waitForFunction(() => /x=12\.\d+&psi=0\.5/.test(location.hash));
    const address = page.url();
    await page.keyboard.press('p');
    await page.waitForSelector('#tray .strip:first-child .thumb');
    await page.waitForSelector('#tray .strip:last-child .thumb');
    await page.evaluate(() => document.activeElement.blur()); // the map has arrows of its own
    await page.keyboard.press('ArrowRight');
    await command(/--seeds 13 /);
    await page.locator('#tray .strip:first-child .thumb').click(); // a pin leads back
    await command(/--at 12\./);
    await page.getByRole('button', {name: 'Copy'}).click();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^atelier generate --at/);
    const downloading = page.waitForEvent('download');
    await press('Download PNG');
    const file = await (await downloading).path();
    assert(readFileSync(file).includes('fingerprint'), 'the record is in the picture');
    await page.goto('about:blank');
    await page.goto(address);
    await command(/--at 12\.\d+,0 --trunc 0\.5/);
    await page.waitForTimeout(1500); // the small pictures of the map
  },
  async mix() {
    await go('mix');
    await page.waitForFunction(() => document.querySelectorAll('.cell[data-drawn]').length === 19);
    await command(/^atelier mix --rows 85 --cols 55 --styles 4-9/);
    const before = await look('.cell:not(.head) canvas');
    const brush = await page.locator('.brush button').nth(4).boundingBox();
    await page.mouse.move(brush.x + 5, brush.y + 5);
    await page.mouse.down();
    await page.mouse.move(brush.x + brush.width * 2.5, brush.y + 5, {steps: 6});
    await page.mouse.up();
    await command(/--styles 7-9/);
    assert.notEqual((await look('.cell:not(.head) canvas')).sum, before.sum);
    await page.locator('.cell:not(.head)').nth(6).click();
    await command(/--rows 100 --cols 1789/);
  },
  async move() {
    await go('move', '?network=moving.safetensors&x=3');
    await frames(1);
    const first = await look(), box = await page.locator('.picture').boundingBox();
    await page.mouse.move(box.x + 100, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + 160, box.y + 100, {steps: 3});
    await page.mouse.up();
    await command(/--network moving.safetensors --seeds 3 --trunc 1 --translate 0\.\d+,0/);
    assert.notEqual((await look()).sum, first.sum);
  },
  async edit() {
    await go('edit', '?x=12');
    await frames(1);
    const first = await look();
    await press('SeFa');
    await page.waitForSelector('.sliders input[data-name=direction]');
    await slide('direction', 4);
    await command(/atelier edit --seeds 12 .*sefa-portraits-64.safetensors:0 --strength 4/);
    const second = await look();
    assert.notEqual(second.sum, first.sum);
    await slide('wipe', 0.5);
    await page.waitForFunction(() => document.querySelector('.before').width === 64);
    assert.equal((await look('.before')).sum, first.sum);
  },
  async drag() {
    await go('drag', '?x=7');
    await frames(1);
    const first = await look(), box = await page.locator('.picture').boundingBox(), at = v => (v + 0.5) / 64 * box.width;
    await page.mouse.move(box.x + at(33), box.y + at(39));
    await page.mouse.down();
    await page.mouse.move(box.x + at(33), box.y + at(33), {steps: 4});
    await page.mouse.up();
    await page.getByRole('button', {name: 'Step'}).click();
    await page.waitForFunction(() => document.querySelector('.picture').dataset.step === '1');
    await press('Start');
    await page.waitForFunction(() => +document.querySelector('.picture').dataset.step > 6);
    await press('Stop');
    await command(/atelier drag --seed 7 --trunc 1 --points "33,39>33,33" --steps \d+/);
    const moved = await look();
    assert.notEqual(moved.sum, first.sum);
    await page.waitForTimeout(400);
    const step = await page.evaluate(() => +document.querySelector('.picture').dataset.step);
    await press('Undo');
    await page.waitForFunction(step => +document.querySelector('.picture').dataset.step < step, step);
  },
  async project() {
    await go('project');
    await page.locator('#photo-file').setInputFiles('set/seed0012.png');
    await page.waitForSelector('.drop.filled');
    await page.locator('[data-value=false]').first().click(); // no face to cut out
    await page.locator('[data-value=mse]').click();
    await slide('steps', 40);
    await press('Find');
    await page.waitForFunction(() => document.querySelector('.task').dataset.phase === 'done');
    await command(/atelier project .*--space w\+ --steps 40 --loss mse/);
    await page.waitForFunction(() => location.hash.includes('pin=photo-'));
    assert((await look('figure:nth-of-type(2) canvas')).range > 50);
    await page.waitForSelector('#tray .thumb[title^=photo-]');
  },
  async animate() {
    await go('animate', '?keys=[{"seed":3},{"seed":12},{"seed":29}]&between=6&fps=12&film=webp');
    await frames(1);
    const first = await look();
    await slide('position', 1.5);
    await page.waitForFunction(() => document.querySelector('.badge').textContent.startsWith('1.50'));
    assert.notEqual((await look()).sum, first.sum);
    await page.keyboard.press('Space');
    const n = await count();
    await frames(n + 3);
    await press('Pause');
    await press('Make the video');
    await page.waitForFunction(() => (document.querySelector('.task').dataset.phase || '') === 'done');
    await command(/atelier video --seeds 3,12,29 .*--w-frames 6 --fps 12 --ease cubic --output .*walk-1.webp/);
    await page.waitForFunction(() => { const i = document.querySelector('.result img'); return i && i.naturalWidth === 64; });
  },
  async inside() {
    await go('inside', '?x=12');
    await frames(1);
    const all = await look();
    assert(all.width > 100);
    await page.locator('.layers tr', {hasText: 'b32.conv1'}).nth(1).click();
    await command(/--dump synthesis\.b32\.conv1/);
    await page.waitForFunction(() => document.querySelectorAll('.numbers tr').length === 3);
    const box = await page.locator('.picture').boundingBox();
    await page.mouse.click(box.x + 8, box.y + 8);
    await page.waitForFunction(() => document.querySelector('.picture canvas').width === 32);
    await page.mouse.click(box.x + 8, box.y + 8);
    await page.waitForFunction(() => document.querySelector('.picture canvas').width > 100);
  },
  async train() {
    await go('train', '?kimg=1&batch=8&cbase=512&cmax=8');
    await press('Plan');
    await page.waitForFunction(() => /memory/.test(document.querySelector('.plan').textContent));
    await command(/^atelier train --data .*set --dry-run --kimg 1 --batch 8/);
    await page.waitForFunction(() => document.querySelector('.task').dataset.phase === 'done');
    await page.evaluate(() => { const e = [...document.querySelectorAll('.side input[type=number]')][0]; e.value = 200; e.dispatchEvent(new Event('change')); });
    await page.locator('.side .row button.main').click();
    await page.waitForSelector('.run-grid');
    await page.waitForFunction(() => document.querySelector('.run-grid').naturalWidth > 64);
    await page.waitForFunction(() => document.querySelector('.task').dataset.phase === 'running');
    await page.locator('.task button.stop').click();
    await page.waitForFunction(() => ['stopped', 'done'].includes(document.querySelector('.task').dataset.phase));
    await page.waitForTimeout(3500); // the snapshot's curves
  },
  async compare() {
    await go('compare', '?x=12&other=moving.safetensors');
    await page.waitForFunction(() => document.querySelectorAll('.error').length === 3);
    await page.waitForFunction(() => [...document.querySelectorAll('.error')].some(e => e.textContent)); // no relatives
    await go('compare', '?x=12&other=other.safetensors&alpha=0.3');
    await page.waitForFunction(() => [...document.querySelectorAll('.picture')].every(e => +e.dataset.frames > 0));
    await command(/atelier blend .*--alpha 0\.3 --out mixed\.safetensors\natelier generate --network mixed/);
    await slide('alpha', 0.8);
    await command(/--alpha 0\.8/);
  },
  async languages() {
    for (const [code, title] of [['de', 'Erkunden'], ['zh', '探索'], ['en', 'Explore']]) {
      await page.locator('#language').selectOption(code);
      await page.goto(`${base}#explore`);
      await page.waitForFunction(title => document.querySelector('.side h2').textContent === title, title);
      assert.equal(await page.evaluate(() => document.documentElement.lang), code);
    }
    const {texts} = await page.evaluate(async () => ({texts: (await import('/texts.js')).texts}));
    for (const [key, row] of Object.entries(texts))
      assert(row.length === 3 && row.every(Boolean), `${key} in three languages`);
    await page.emulateMedia({colorScheme: 'light'});
    const light = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.emulateMedia({colorScheme: 'dark'});
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), light);
    await page.keyboard.press('3');
    await page.waitForFunction(() => location.hash.startsWith('#move'));
    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open]');
  },
};

let failed = 0;
const only = process.env.STUDIO_ONLY;
for (const [name, work] of Object.entries(parts)) {
  if (only && !only.split(',').includes(name))
    continue;
  try {
    await work();
    if (name !== 'languages')
      await settle(name);
    else
      console.log('ok', name);
  } catch (error) {
    failed++;
    console.log('FAILED', name, error.message);
    await page.screenshot({path: `failed-${name}.png`});
  }
}
await browser.close();
if (process.env.STUDIO_UPDATE && !only)
  writeFileSync(`${process.env.STUDIO_SOURCE}/structure.json`, JSON.stringify(found, null, 1) + '\n');
else if (!only)
  try {
    assert.deepEqual(found, expected, 'structure');
  } catch (error) {
    failed++;
    console.log(error.message);
  }
wrong.forEach(w => console.log(w));
process.exit(failed || wrong.length ? 1 : 0);
