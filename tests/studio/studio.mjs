// SPDX-License-Identifier: Apache-2.0
// What the tests of the page share: a studio of their own, a browser in front of it, and questions about what is seen.
//
//     await test('explore', {networks: [portraits]}, async ({page, studio}) => { ... });
//
// A test ends with 77, and a word, where this machine has no Chromium or no playwright-core (tools/browser.sh).
import assert from 'node:assert/strict';
import {execFileSync, spawn} from 'node:child_process';
import fs from 'node:fs';
import {createRequire} from 'node:module';
import os from 'node:os';
import path from 'node:path';

export {assert, fs, path};
export const root = path.resolve(import.meta.dirname, '../..');
export const portraits = path.join(root, 'models/portraits-64.safetensors');
export const atelier = path.resolve(process.env.ATELIER || path.join(root, 'build/release/cli/atelier'));
export const panels = [...fs.readFileSync(path.join(root, 'app/studio/main.js'), 'utf8')
  .match(/^const panels = \[([^\]]+)\]/m)[1].split(',')].map(name => name.trim());

function skip(word) {
  console.log(`skipped: ${word}`);
  process.exit(77);
}

function findBrowser() {
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  for (const folder of process.env.PATH.split(':'))
    for (const name of names)
      if (fs.existsSync(path.join(folder, name)))
        return path.join(folder, name);
  return skip('no Chromium');
}

async function playwright() {
  const folder = process.env.ATL_BROWSER || path.join(root, 'build/browser');
  const place = path.resolve(folder, 'node_modules/playwright-core');
  if (!fs.existsSync(place))
    skip('no playwright-core; tools/browser.sh fetches it');
  return createRequire(import.meta.url)(place);
}

export async function openBrowser() {
  const {chromium} = await playwright();
  return chromium.launch({
    executablePath: findBrowser(),
    args: [...(process.getuid() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', '--force-color-profile=srgb',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
  });
}

// ---- the studio

export function run(command, folder) { // lines of a shell, "atelier" being the program that is tested
  return execFileSync('sh', ['-e', '-c', command], {
    cwd: folder, env: {...process.env, PATH: path.dirname(atelier) + ':' + process.env.PATH},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export async function openStudio(places, folder, more = []) {
  const child = spawn(atelier, ['serve', ...places, '--port', '0', '--outdir', 'studio', '--quiet', ...more],
    {cwd: folder, stdio: ['ignore', 'pipe', 'inherit']});
  let said = '';
  for await (const part of child.stdout.setEncoding('utf8').iterator({destroyOnReturn: false})) {
    said += part;
    if (said.includes('\n'))
      break;
  }
  const address = said.match(/http:\S+/)[0];
  return {address, child, folder, async close() {
    const ended = new Promise(done => child.on('exit', code => done(code)));
    child.kill('SIGTERM');
    assert.equal(await ended, 0, 'the studio ends well');
  }};
}

// ---- a page, and what it must not do

export async function openPage(browser, studio, options = {}) {
  const context = await browser.newContext({viewport: {width: 1280, height: 800}, locale: 'en', ...options});
  const page = await context.newPage();
  page.setDefaultTimeout(120000);
  const faults = [];
  page.on('console', m => {
    // a newer request took the place of one that waited, as is meant (docs/studio-api.md); we read canvases often
    if (['error', 'warning'].includes(m.type()) && !/status of 409|willReadFrequently/.test(m.text()))
      faults.push(`console: ${m.text()}`);
  });
  page.on('pageerror', e => faults.push(`page: ${e.stack}`));
  page.on('request', r => {
    if (!r.url().startsWith(studio.address) && !/^(blob|data):/.test(r.url()))
      faults.push(`a request to ${r.url()}`);
  });
  page.faults = faults;
  return page;
}

export async function go(page, studio, hash) {
  await page.goto('about:blank'); // an address that differs by its hash alone loads nothing
  await page.goto(studio.address + '#' + hash);
  await built(page);
}

// Waits until there is a panel: what has none yet looks settled.
export const built = page => page.waitForFunction(() => document.querySelector('#panel .side h2'));

// Waits until stages and grids have drawn what they were last asked for.
export async function settled(page) {
  await page.waitForFunction(() => {
    const pictures = [...document.querySelectorAll('.picture')]
      .filter(e => e.offsetParent && !e.querySelector('.drop'));
    return pictures.every(e => e.dataset.frames && !e.classList.contains('waits')) &&
      [...document.querySelectorAll('.cell')].every(e => e.dataset.drawn);
  });
}

// The pixels of a canvas: [width, height, RGBA...].
export const pixels = (page, selector = '.picture canvas') => page.evaluate(selector => {
  const canvas = document.querySelector(selector), {width, height} = canvas;
  return [width, height, ...canvas.getContext('2d').getImageData(0, 0, width, height).data];
}, selector);

// A file's, as the browser reads it.
export const filePixels = (page, file) => page.evaluate(async text => {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0)), bitmap = await createImageBitmap(new Blob([bytes]));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height), c = canvas.getContext('2d');
  c.drawImage(bitmap, 0, 0);
  return [bitmap.width, bitmap.height, ...c.getImageData(0, 0, bitmap.width, bitmap.height).data];
}, fs.readFileSync(file).toString('base64'));

export const equal = (a, b) => a.length === b.length && a.every((v, i) => v === b[i]);
export const samePixels = (a, b, why) => assert(equal(a, b), `the same pixels: ${why}`);
export const otherPixels = (a, b, why) => assert(!equal(a, b), `other pixels: ${why}`);

export const line = page => page.textContent('#line');
export const hash = page => page.evaluate(() => decodeURIComponent(location.hash));

// Runs what the page says makes its picture: the file that it writes must have the pixels that are seen.
export async function sameAsCommand(page, {selector, file} = {}) {
  await settled(page);
  const command = await line(page), folder = fs.mkdtempSync(path.join(os.tmpdir(), 'command-'));
  assert.match(command, /^(echo .*\n)?atelier /);
  run(command, folder);
  const made = fs.readdirSync(path.join(folder, 'out')).filter(name => file ? name === file : name.endsWith('.png'));
  assert.equal(made.length, 1, `one picture of: ${command}`);
  samePixels(await pixels(page, selector), await filePixels(page, path.join(folder, 'out', made[0])), command);
  fs.rmSync(folder, {recursive: true});
  return command;
}

// Follows a drag as a hand makes it.
export async function drag(page, selector, dx, dy, {steps = 8, key} = {}) {
  const box = await page.locator(selector).first().boundingBox();
  const x = box.x + box.width / 2, y = box.y + box.height / 2;
  if (key)
    await page.keyboard.down(key);
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + dx, y + dy, {steps});
  await page.mouse.up();
  if (key)
    await page.keyboard.up(key);
}

export const says = (page, pattern) => page.waitForFunction(
  source => new RegExp(source).test(document.querySelector('#line').textContent), pattern.source);

export const slide = (page, name, value) => page.locator(`input[data-name=${name}]`).evaluate((e, value) => {
  e.value = value;
  e.dispatchEvent(new Event('input', {bubbles: true}));
}, value);

// ---- what is seen: which elements, none over another, none out of the window, none without a name, no picture blank

export const structure = page => page.evaluate(() => {
  const faults = [], seen = e => e.checkVisibility({visibilityProperty: true, opacityProperty: true});
  const name = e => e.id ? '#' + e.id : `${e.localName}.${e.className} "${(e.textContent || e.title).slice(0, 30)}"`;
  const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  if (document.scrollingElement.scrollWidth > innerWidth)
    faults.push(`the page is ${document.scrollingElement.scrollWidth} wide in a window of ${innerWidth}`);
  const frame = ['#top', '#panels', '#panel', '#tray', '#command'].map(s => document.querySelector(s));
  for (const e of frame)
    if (!seen(e) || !e.offsetWidth || !e.offsetHeight)
      faults.push(`${name(e)} is not seen`);
  const apart = list => list.forEach((a, i) => list.slice(i + 1).forEach(b => {
    if (!a.contains(b) && !b.contains(a) && over(a.getBoundingClientRect(), b.getBoundingClientRect()))
      faults.push(`${name(a)} lies over ${name(b)}`);
  }));
  apart(frame.filter(e => !/fixed|sticky/.test(getComputedStyle(e).position))); // which lie over what scrolls below
  const all = 'button, input, select, a[href], .picture, .map, h2, .side p';
  const controls = [...document.querySelectorAll(all)].filter(seen);
  for (const part of [...frame.slice(0, 2), ...document.querySelectorAll('.stage, .side')])
    apart(controls.filter(e => part.contains(e)));
  for (const e of controls) {
    const r = e.getBoundingClientRect(), strip = e.closest('#panels, #tray, .scroll, .brush');
    if (!strip && (r.left < -1 || r.right > innerWidth + 1))
      faults.push(`${name(e)} reaches out of the window`);
    if (r.width < 4 || r.height < 4)
      faults.push(`${name(e)} is too small to be seen`);
    const labels = [...e.labels || []].map(l => l.textContent);
    const words = [e.textContent, e.title, e.getAttribute('aria-label'), ...labels];
    if (!words.some(text => text && text.trim()))
      faults.push(`${name(e)} has no name`);
  }
  const drawn = '.picture[data-frames] canvas:not(.overlay), .cell canvas';
  for (const e of [...document.querySelectorAll(drawn)].filter(seen)) {
    const {width, height} = e, data = e.getContext('2d').getImageData(0, 0, width, height).data;
    let low = 255, high = 0;
    for (let i = 0; i < data.length; i += 4) {
      low = Math.min(low, data[i + 1]);
      high = Math.max(high, data[i + 1]);
    }
    if (high - low < 16)
      faults.push(`${name(e.parentNode)} is blank`);
  }
  return faults;
});

// ---- a test

export async function test(title, {places = [portraits], prepare, options}, body) {
  const browser = await openBrowser(), folder = fs.mkdtempSync(path.join(os.tmpdir(), 'studio-'));
  let studio;
  try {
    const made = prepare ? prepare(folder) : [];
    studio = await openStudio([...places, ...made], folder);
    const page = await openPage(browser, studio, options);
    await body({page, studio, browser, folder});
    assert.deepEqual(page.faults, []);
    await browser.close();
    await studio.close();
    studio = null;
    console.log(`${title}: well`);
  } finally {
    if (studio)
      studio.child.kill('SIGKILL');
    await browser.close();
    fs.rmSync(folder, {recursive: true, force: true});
  }
}
