// SPDX-License-Identifier: Apache-2.0
// Mix: the grid follows the brush and the sources, a cell is what its command line makes, and can be kept.
import {assert, fs, go, hash, line, otherPixels, path, pixels, sameAsCommand, samePixels, settled, structure,
  test} from './studio.mjs';

// rows of a head, four cells and a gap
const cell = (r, c) => `.grid-of-pictures > :nth-child(${(r + 1) * 6 + c + 2}) canvas`;

await test('mix', {}, async ({page, studio, folder}) => {
  await go(page, studio, 'mix?format=png');
  await settled(page);
  assert.equal(await page.locator('.cell').count(), 3 * 4 + 3 + 4);
  await page.locator(cell(1, 2).replace(' canvas', '')).click();
  assert.match(await sameAsCommand(page, {selector: cell(1, 2), file: '100-1789.png'}),
    /^atelier mix .*--rows 100 --cols 1789 --styles 4-9/);
  const before = await pixels(page, cell(1, 2));

  // paint layers 0 to 3 in one stroke: then all are the column's
  const layers = page.locator('.brush button');
  const [from, to] = [await layers.nth(0).boundingBox(), await layers.nth(3).boundingBox()];
  await page.mouse.move(from.x + 5, from.y + 5);
  await page.mouse.down();
  await page.mouse.move(to.x + 5, to.y + 5, {steps: 12});
  await page.mouse.up();
  await settled(page);
  await page.waitForTimeout(300);
  assert.match(await hash(page), /mix_styles=0-9/);
  await page.waitForFunction(() => /--styles 0-9/.test(document.querySelector('#line').textContent));
  await sameAsCommand(page, {selector: cell(1, 2), file: '100-1789.png'});
  otherPixels(await pixels(page, cell(1, 2)), before);
  samePixels(await pixels(page, cell(1, 2)), await pixels(page, cell(0, 2)), 'all layers come from the column');

  // keys on the brush; ranges by buttons
  await layers.nth(0).focus();
  await page.keyboard.press('Space');
  await page.waitForFunction(() => /--styles 1-9/.test(document.querySelector('#line').textContent));
  await page.getByRole('button', {name: 'Coarse'}).click();
  await page.waitForFunction(() => /--styles 0-3/.test(document.querySelector('#line').textContent));

  // another source
  await page.locator('.cell.head').first().click();
  await page.locator('.menu input').fill('7');
  await page.keyboard.press('Enter');
  await settled(page);
  await page.waitForTimeout(300);
  assert.match(await hash(page), /mix_cols=\[\{"seed":7\}/);
  await page.locator('.add').first().click();
  await settled(page);
  assert.equal(await page.locator('.cell').count(), 3 * 5 + 3 + 5);

  // what no seed makes is kept in a file
  await page.getByRole('button', {name: '◉ Pin'}).click();
  await page.locator('#tray .strip:first-child .thumb').waitFor();
  assert(fs.readdirSync(path.join(folder, 'studio/pins')).length === 1);
  assert.deepEqual(await structure(page), []);
  assert.match(await line(page), /^atelier mix/);
});
