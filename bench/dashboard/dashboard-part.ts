// The dashboard's rows: the start page's first paint and size, lists of thousands scrolled, and a month drawn at full resolution, in a real browser on a large network.
import type { PartContext } from '../part.ts';
import { type Row, rowOf } from '../rows.ts';
import { NETWORK, seedNetwork } from './seeded-network.ts';
import { type Scrolled, WatchedPage } from './watched-page.ts';

const KILOBYTE = 1000;
const TIMES = 3;

export async function dashboardPart({ workshop, tell }: PartContext): Promise<readonly Row[]> {
  const { collector, chassis, month } = await seedNetwork(workshop, tell);
  const watched = await WatchedPage.open(workshop, collector.url, collector.adminToken);
  try {
    tell('dashboard: the start page');
    const paints = [];
    for (let time = 0; time < TIMES; time += 1) paints.push(await watched.firstPaint());
    const first = paints.toSorted((one, other) => one.paintMs - other.paintMs)[Math.floor(TIMES / 2)];
    if (first === undefined) throw new Error('BUG: no start page');
    tell('dashboard: lists are scrolled');
    await watched.go('alarms?state=active');
    const alarms = await watched.scroll('Alarms');
    await watched.go('devices');
    const devices = await watched.scroll('Devices');
    await watched.go(`devices/${chassis}`);
    const interfaces = await watched.scroll(`Interfaces of ${chassis}`);
    tell('dashboard: a month is drawn');
    const [device, port] = month;
    await watched.go(`interfaces/${device}/${encodeURIComponent(port)}?range=31d&full=1`);
    const drawnMs = await watched.drawnAfterMs();
    const scale = `${NETWORK.devices} devices of ${NETWORK.portsEach} ports and one of ${NETWORK.chassisPorts}, ${NETWORK.alarms} alarms`;
    return [
      rowOf({
        what: 'milliseconds to the first paint of the start page',
        weir: first.paintMs,
        goal: { of: 'weir', most: 1000 },
        note: `${scale}; cold cache, the middle of ${TIMES}; figures and devices were there after ${Math.round(first.contentMs)} ms`,
      }),
      rowOf({
        what: 'kilobytes of the start page on the wire',
        weir: first.pageBytes / KILOBYTE,
        goal: { of: 'weir', most: 200 },
        note: `and ${Math.round(first.answerBytes / KILOBYTE)} kB of its first answers`,
      }),
      scrolled(`${NETWORK.alarms} alarms`, alarms),
      scrolled(`${NETWORK.devices} devices`, devices),
      scrolled(`${NETWORK.chassisPorts} interfaces`, interfaces),
      rowOf({
        what: 'milliseconds to draw a month at full resolution after its data',
        weir: drawnMs,
        goal: { of: 'weir', most: 100 },
        note: `${NETWORK.days * 288} points a line, in and out with their percentiles`,
      }),
    ];
  } finally {
    await watched.close();
    await collector.stop();
  }
}

function scrolled(what: string, { frames, longestMs, stuttered }: Scrolled): Row {
  return rowOf({
    what: `longest frame in milliseconds while ${what} are scrolled from end to end`,
    weir: longestMs,
    goal: { of: 'weir', most: 50 },
    note: `${frames} frames in four seconds, ${stuttered} of them longer than 50 ms`,
  });
}
