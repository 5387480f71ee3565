// Who is connected where in the demo network, and about how much they use in busy hours. config/demo.yaml bills most of them; two it leaves out on purpose.
import type { DayShape } from './waves.ts';

export interface CustomerPort {
  readonly device: string;
  readonly port: string;
  /** ifAlias as somebody typed it years ago. */
  readonly alias: string | Buffer;
  /** To the customer, Mbit/s: what the port sends. */
  readonly downMbps: number;
  /** From the customer: what the port receives. */
  readonly upMbps: number;
  readonly shape: DayShape;
}

type Row = readonly [port: number, alias: string | Buffer, downMbps: number, upMbps: number];

const rows = (device: string, name: (port: number) => string, shape: DayShape, list: readonly Row[]): CustomerPort[] =>
  list.map(([port, alias, downMbps, upMbps]) => ({ device, port: name(port), alias, downMbps, upMbps, shape }));

export const CUSTOMER_PORTS: readonly CustomerPort[] = [
  ...rows('access1', (port) => `Gi1/0/${port}`, 'office', [
    [1, 'Acme Engineering, head office', 64, 18],
    [2, 'Acme Engineering, workshop', 28, 9],
    [3, 'Acme Engineering, guests', 12, 3],
    [5, 'Bright & Daughters, floor 1', 22, 6],
    [6, 'Bright & Daughters, floor 2', 19, 5],
    [8, 'Northgate Dental', 9, 2],
    [9, 'Northgate Dental, imaging', 6, 31],
    [11, 'Riverside School', 84, 11],
    [12, 'Riverside School, library', 24, 4],
    [14, 'Tinsmith Brewing', 7, 2],
  ]),
  ...rows('access2', (port) => `Gi1/0/${port}`, 'hosting', [
    [1, 'Globex Hosting, rack 1 (burstable)', 120, 60],
    [2, 'Globex Hosting, rack 2 (burstable)', 45, 210],
    [3, 'Globex Hosting, rack 3 (burstable)', 31, 160],
    [5, 'Initech backup', 14, 88],
    [7, 'Initech, cable to be replaced', 20, 16],
    [9, 'Pageturner Press', 8, 27],
    [10, 'Pageturner Press, shop', 6, 19],
    [13, 'Kite Radio stream', 4, 96],
  ]),
  ...rows('access3', (port) => `Gi1/0/${port}`, 'home', [
    // "Café Zürich" as an old console wrote it: Latin-1, which is not UTF-8.
    [1, Buffer.from('Caf\u00e9 Z\u00fcrich', 'latin1'), 34, 5],
    [2, 'Hill Street 2-18', 140, 21],
    [3, 'Hill Street 20-44', 165, 24],
    [4, 'Harbour Lofts', 120, 19],
    [6, 'Station Hostel', 58, 8],
    [7, 'Quayside Flats A', 92, 13],
    [8, 'Quayside Flats B', 88, 12],
    [12, 'Hotel Meridian guests', 71, 10],
  ]),
  // 32-bit counters on 100 Mbit/s: they wrap every few minutes, the first within a minute.
  ...rows('access4', (port) => `Fa0/${port}`, 'office', [
    [1, 'Acme Engineering, lab', 24, 14],
    [2, 'Initech archive', 17, 12],
    [5, 'Tinsmith Brewing, cellar', 8, 3],
    [9, 'Northgate Dental, surgery 2', 10, 6],
    [10, 'Kite Radio studio', 9, 11],
  ]),
  ...rows('access5', (port) => `ge-0/0/${port}`, 'office', [
    [0, 'Globex Hosting, office', 44, 15],
    [1, 'Initech campus, block A', 76, 22],
    [2, 'Initech campus, block B', 61, 17],
    [3, 'Initech campus, block C', 39, 12],
    [5, 'Riverside School, gymnasium', 15, 3],
    [7, 'TEMP - nobody told billing', 26, 9],
  ]),
  ...rows('access6', (port) => `ether${port}`, 'home', [
    [1, 'Mill Lane 1-9', 83, 12],
    [2, 'Mill Lane 11-23', 95, 14],
    [3, 'Mill Lane 25-31', 66, 9],
    [5, 'Bright & Daughters, depot', 18, 7],
    [6, 'Harbour Lofts annex', 52, 8],
    [9, 'sold last week, paperwork to follow', 31, 11],
  ]),
  ...rows('dist1', (port) => `Ethernet${port}`, 'hosting', [
    [9, 'Hooli Cloud, cage 4 A', 620, 1450],
    [10, 'Hooli Cloud, cage 4 B', 410, 980],
  ]),
  ...rows('dist2', (port) => `Ethernet${port}`, 'hosting', [[9, 'Hooli Cloud, cage 7', 530, 1210]]),
];
