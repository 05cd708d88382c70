import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';

const executablePath = '/usr/bin/chromium';

/** Why no test can use a browser here; false when one can. */
export const noBrowser: string | false = existsSync(executablePath)
  ? false
  : `no browser: ${executablePath} is missing`;

/** A page of a browser that knows nothing from before. */
export interface TestBrowser {
  page: Page;
  close(): Promise<void>;
}

export async function startBrowser(): Promise<TestBrowser> {
  const profile = mkdtempSync(join(tmpdir(), 'sumac-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    viewport: { width: 1500, height: 1600 },
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
      ...['--disable-component-update', '--disable-sync'],
    ],
  });
  context.setDefaultTimeout(60_000);
  // Chromium drops its requests whenever a network interface of this machine comes or goes, as they do beside a lab.
  await context.route('**/*', async (route) => {
    await route
      .fetch()
      .then((response) => route.fulfill({ response }))
      .catch(() => route.abort().catch(() => undefined));
  });
  const page = context.pages()[0] ?? (await context.newPage());
  return {
    page,
    close: async () => {
      await context.unrouteAll({ behavior: 'ignoreErrors' });
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
