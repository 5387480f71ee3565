// A real browser without a window: nothing of it is kept, and it asks nobody but the page under test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core';

export interface StartedBrowser {
  readonly context: BrowserContext;
  readonly close: () => Promise<void>;
}

export async function startBrowser(options: BrowserContextOptions = {}): Promise<StartedBrowser> {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-browser-'));
  const context = await chromium.launchPersistentContext(folder, {
    ...options,
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  const close = async (): Promise<void> => {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { context, close };
}
