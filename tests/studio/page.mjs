// SPDX-License-Identifier: Apache-2.0
// The page around the panels: every panel in every language, dark and light, on a phone and on a wide screen.  Nothing
// lies over something else, nothing reaches out of the window, no text is missing, nothing outside is asked.
import {texts} from '../../app/studio/texts.js';
import {assert, fs, go, openPage, panels, path, root, settled, structure, test} from './studio.mjs';

const order = ['en', 'de', 'zh'];

// ---- the table of texts

const folder = path.join(root, 'app/studio');
const read = name => fs.readFileSync(path.join(folder, name), 'utf8');
const sources = fs.readdirSync(folder).filter(n => n.endsWith('.js') && n !== 'texts.js').map(read).join('\n');
for (const [key, row] of Object.entries(texts)) {
  assert.equal(row.length, order.length, `${key} in three languages`);
  assert(row.every(text => text.trim()), `no text of ${key} is empty`);
  const places = text => [...text.matchAll(/\{\d\}/g)].map(m => m[0]).sort().join();
  assert(row.every(text => places(text) === places(row[0])), `${key} takes the same values in all languages`);
}
for (const [, key] of sources.matchAll(/\bt\('([^']+)'[,)]/g))
  assert(texts[key], `t('${key}') has a text`);
for (const [, key] of read('index.html').matchAll(/data-text="([^"]+)"/g))
  assert(texts[key], `data-text="${key}" has a text`);

// ---- what is seen

const open = async (page, studio, panel) => {
  await go(page, studio, `${panel}?x=85`);
  await settled(page);
};

async function inLanguage(page, language, panel) {
  await page.locator('#language').selectOption(language);
  await settled(page);
  const found = await page.evaluate(() => ({
    lang: document.documentElement.lang, title: document.title, heading: document.querySelector('.side h2').textContent,
    links: [...document.querySelectorAll('#panels a')].map(a => a.textContent.trim()),
    about: document.querySelector('.side p').textContent,
    words: [...document.querySelectorAll('#panel *, #tray *, #top *')]
      .filter(e => !e.children.length && e.checkVisibility()).map(e => e.textContent.trim()),
  }));
  const text = key => texts[key][order.indexOf(language)];
  assert.equal(found.lang, language);
  assert.equal(found.heading, text(panel));
  assert.equal(found.title, `${text(panel)} – Atelier`);
  assert.deepEqual(found.links, panels.map(text));
  assert.equal(found.about, text(panel + '_about'));
  const keys = found.words.filter(word => texts[word] && /_/.test(word) || /undefined|NaN|\[object/.test(word));
  assert.deepEqual(keys, [], `${panel} in ${language}`);
}

async function inTheme(page, theme) {
  await page.emulateMedia({colorScheme: theme});
  const [paper, ink] = await page.evaluate(() => ['backgroundColor', 'color']
    .map(k => getComputedStyle(document.body)[k])
    .map(c => c.match(/[\d.]+/g).slice(0, 3).reduce((sum, v, i) => sum + [0.2126, 0.7152, 0.0722][i] * v, 0)));
  assert(theme === 'dark' ? paper < 60 && ink > 180 : paper > 200 && ink < 80,
    `${theme}: ink ${ink} on paper ${paper}`);
}

const windows = [[1280, 800], [390, 844], [820, 1180], [1000, 700], [2200, 1200]];

async function inWindows(page, panel) {
  for (const [width, height] of windows) {
    await page.setViewportSize({width, height});
    await page.waitForTimeout(60);
    assert.deepEqual(await structure(page), [], `${panel} in ${width} x ${height}`);
  }
  await page.setViewportSize({width: windows[0][0], height: windows[0][1]});
}

await test('page', {}, async ({page, studio, browser}) => {
  await open(page, studio, panels[0]);
  for (const panel of panels) {
    await page.locator(`#panels a[href="#${panel}"]`).click();
    await page.waitForFunction(id => location.hash.startsWith('#' + id), panel);
    await settled(page);
    assert.equal(await page.locator('#panels [aria-current=page]').count(), 1);
    await inWindows(page, panel);
    for (const theme of ['dark', 'light'])
      await inTheme(page, theme);
    for (const language of order.toReversed())
      await inLanguage(page, language, panel);
  }
  // keys lead to panels; the theme that somebody chose stays
  await page.locator('#line').focus();
  for (const [i, panel] of panels.entries()) {
    await page.keyboard.press(String((i + 1) % 10));
    await page.waitForFunction(id => location.hash.startsWith('#' + id), panel);
  }
  await page.locator('#theme').click();
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');

  // a browser of somebody who reads Chinese, and an address that nobody wrote
  const other = await openPage(browser, studio, {locale: 'zh-CN', colorScheme: 'dark'});
  await go(other, studio, 'nothing?x=abc&psi=[]&cutoff=null&mix_rows=7&keys=[null]&points=7&unknown=1');
  await settled(other);
  assert.equal(await other.textContent('.side h2'), texts[panels[0]][2]);
  assert.deepEqual(other.faults, []);
});
