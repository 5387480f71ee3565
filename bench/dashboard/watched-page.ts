// The page in a real browser, and what its clock says of it: paints, bytes on the wire, frames while it is scrolled, and how soon a graph is drawn after its data.
import path from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { until, type Workshop } from '../machine/workshop.ts';

const WINDOW = { width: 1280, height: 720 };
const PATIENCE_MS = 60_000;
const SCROLL_MS = 4000;
/** Points of an answer that is a part of a month: one has 4,800 at most. */
const MANY_POINTS = 4000;

export interface FirstPaint {
  readonly paintMs: number;
  readonly contentMs: number;
  readonly pageBytes: number;
  readonly answerBytes: number;
}

export interface Scrolled {
  readonly frames: number;
  readonly longestMs: number;
  /** Of frames that took longer than 50 ms. */
  readonly stuttered: number;
}

/** Notes when a long series has come, and every stroke of a canvas. */
const WATCH = `(() => {
  window.weirSeen = { data: 0, strokes: [] };
  const json = Response.prototype.json;
  Response.prototype.json = async function () {
    const value = await json.call(this);
    if (this.url.includes('/api/v1/series?') && (value.points?.length ?? 0) > ${MANY_POINTS}) window.weirSeen.data = performance.now();
    return value;
  };
  const stroke = CanvasRenderingContext2D.prototype.stroke;
  CanvasRenderingContext2D.prototype.stroke = function (...path) {
    stroke.apply(this, path);
    window.weirSeen.strokes.push(performance.now());
  };
})()`;

/** Evenly from the top to the end, a step each frame. */
const SCROLL = `(box) => new Promise((resolve) => {
  const gaps = [];
  const begin = performance.now();
  let last = begin;
  const frame = (now) => {
    gaps.push(now - last);
    last = now;
    const part = Math.min(1, (now - begin) / ${SCROLL_MS});
    box.scrollTop = part * (box.scrollHeight - box.clientHeight);
    if (part < 1) return requestAnimationFrame(frame);
    const seen = gaps.slice(1);
    return resolve({ frames: seen.length, longestMs: Math.max(...seen), stuttered: seen.filter((gap) => gap > 50).length });
  };
  requestAnimationFrame(frame);
})`;

export class WatchedPage {
  readonly #context: BrowserContext;
  readonly #url: string;
  readonly page: Page;

  private constructor(context: BrowserContext, page: Page, url: string) {
    this.#context = context;
    this.page = page;
    this.#url = url;
  }

  static async open(workshop: Workshop, url: string, token: string): Promise<WatchedPage> {
    const context = await chromium.launchPersistentContext(path.join(workshop.folder, 'browser'), {
      executablePath: '/usr/bin/chromium',
      viewport: WINDOW,
      locale: 'en-GB',
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
    });
    const page = context.pages()[0] ?? (await context.newPage());
    page.setDefaultTimeout(PATIENCE_MS);
    await page.addInitScript(WATCH);
    await page.goto(`${url}/#token=${token}`);
    await page.getByRole('navigation').waitFor();
    return new WatchedPage(context, page, url);
  }

  async go(place: string): Promise<void> {
    await this.page.goto(`${this.#url}/#/${place}`);
  }

  /** The start page of somebody who is signed in, without anything in the browser's cache. */
  async firstPaint(): Promise<FirstPaint> {
    const session = await this.#context.newCDPSession(this.page);
    await session.send('Network.clearBrowserCache');
    await this.page.goto('about:blank');
    await this.page.goto(this.#url);
    await this.page.locator('.tile .value').filter({ hasNotText: '…' }).first().waitFor();
    await this.page.getByRole('region', { name: 'Devices' }).getByRole('row').nth(1).waitFor();
    const contentMs = await this.page.evaluate<number>('performance.now()');
    const [paintMs, pageBytes, answerBytes] = await this.page.evaluate<[number, number, number]>(`(() => {
      const sum = (list) => list.reduce((total, one) => total + one.transferSize, 0);
      const all = performance.getEntriesByType('resource');
      const api = all.filter(({ name }) => name.includes('/api/') || name.includes('/billing/'));
      return [
        performance.getEntriesByName('first-contentful-paint')[0].startTime,
        sum(performance.getEntriesByType('navigation')) + sum(all.filter((one) => !api.includes(one))),
        sum(api),
      ];
    })()`);
    return { paintMs, contentMs, pageBytes, answerBytes };
  }

  /** Scrolls a list from its top to its end at an even pace, and looks at every frame. */
  async scroll(name: string): Promise<Scrolled> {
    await this.page.getByRole('table', { name, exact: true }).waitFor();
    await this.page.locator('main .windowed').first().waitFor();
    return this.page.evaluate<Scrolled>(`(${SCROLL})(document.querySelector('main .windowed'))`);
  }

  /** Milliseconds from the month's data to the last stroke of the drawing that follows. */
  async drawnAfterMs(): Promise<number> {
    const seen = 'window.weirSeen';
    const isDrawn = () =>
      this.page.evaluate<boolean>(`${seen}.data > 0 && ${seen}.strokes.some((at) => at > ${seen}.data)`);
    await until(isDrawn, PATIENCE_MS, () => 'the month is not drawn');
    await this.page.waitForTimeout(500);
    return this.page.evaluate<number>(`(() => {
      const { data, strokes } = ${seen};
      const after = strokes.filter((at) => at >= data);
      let end = after[0];
      for (const at of after) if (at - end < 50) end = at;
      return end - data;
    })()`);
  }

  close(): Promise<void> {
    return this.#context.close();
  }
}
