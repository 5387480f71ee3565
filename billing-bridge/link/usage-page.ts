// The page that a usage link opens: this period's usage day by day, what it costs so far, and the bills. Plain HTML without a script. Pure.

export interface CustomerSummary {
  readonly customer: string;
  readonly name: string;
  readonly period: {
    readonly name: string;
    readonly cycle: string;
    readonly zone: string;
    readonly from: string;
    readonly to: string;
  };
  readonly until: string;
  readonly currency: string;
  readonly total: string;
  readonly watermark: string | null;
  readonly services: readonly ServiceUsage[];
  readonly bills: readonly SummaryBill[];
}

export interface ServiceUsage {
  readonly id: string;
  readonly name: string;
  readonly in: string;
  readonly out: string;
  readonly days: readonly { readonly date: string; readonly in: string; readonly out: string }[];
}

export interface SummaryBill {
  readonly id: string;
  readonly number: string | null;
  readonly period: string;
  readonly total: string;
  readonly currency: string;
  readonly state: string;
  readonly due: string | null;
  readonly open: string;
}

export const USAGE_PAGE_STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f23}
table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d0d7de}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}h2{margin-top:2rem}svg{width:100%;height:auto}.m{color:#57606a}
.in{fill:#2f7d4f}.out{fill:#1f5fa8}@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}th,td{border-color:#30363d}.m{color:#8b949e}}`;

/** `base`: the address of the link itself, which papers are below. */
export function usagePage(summary: CustomerSummary, base: string): string {
  const { name, period, until, currency, total, watermark } = summary;
  const mark = watermark === null ? '' : `<p class="m">${text(watermark)}: this is not a real bill.</p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Usage of ${text(name)}</title>
<link rel="stylesheet" href="${text(base)}/page.css">
</head>
<body>
<h1>${text(name)}</h1>
${mark}
<p>Period ${text(period.name)}, as counted until ${text(until.slice(0, 16).replace('T', ' '))} UTC. So far: <strong>${text(total)} ${text(currency)}</strong> without tax.</p>
${summary.services.map(service).join('\n')}
<h2>Bills</h2>
${billTable(summary.bills, base)}
</body>
</html>
`;
}

function service({ name, in: inward, out: outward, days }: ServiceUsage): string {
  return `<h2>${text(name)}</h2>
<p>Received ${octets(BigInt(inward))}, sent ${octets(BigInt(outward))}.</p>
${days.length === 0 ? '<p class="m">Nothing is counted yet.</p>' : bars(days)}`;
}

const [WIDTH, HEIGHT] = [930, 160];

/** Two bars a day; a reader of the page hears their amounts. */
function bars(days: ServiceUsage['days']): string {
  const most = days.reduce((high, day) => [high, BigInt(day.in), BigInt(day.out)].reduce(larger), 1n);
  const step = WIDTH / Math.max(31, days.length);
  const bar = (kind: 'in' | 'out', octetsText: string, left: number): string => {
    const height = Number((BigInt(octetsText) * BigInt(HEIGHT)) / most);
    return `<rect class="${kind}" x="${left.toFixed(1)}" y="${HEIGHT - height}" width="${(step / 2 - 1).toFixed(1)}" height="${height}"/>`;
  };
  const drawn = days.map(
    (day, at) =>
      `<g><title>${text(day.date)}: received ${octets(BigInt(day.in))}, sent ${octets(BigInt(day.out))}</title>${bar('in', day.in, at * step)}${bar('out', day.out, at * step + step / 2)}</g>`,
  );
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Usage by day">${drawn.join('')}</svg>`;
}

function billTable(bills: readonly SummaryBill[], base: string): string {
  if (bills.length === 0) return '<p class="m">There is none yet.</p>';
  const rows = bills.map(
    (
      bill,
    ) => `<tr><td><a href="${text(base)}/bills/${encodeURIComponent(bill.id)}">${text(bill.number ?? bill.id)}</a></td>
<td>${text(bill.period)}</td><td class="n">${text(bill.total)} ${text(bill.currency)}</td>
<td class="n">${text(bill.open)} ${text(bill.currency)}</td><td>${text(bill.due ?? '')}</td><td>${text(STATES.get(bill.state) ?? bill.state)}</td></tr>`,
  );
  return `<table><tr><th>Number</th><th>Period</th><th class="n">Total</th><th class="n">Open</th><th>Due</th><th>State</th></tr>
${rows.join('\n')}</table>`;
}

const STATES: ReadonlyMap<string, string> = new Map([
  ['new', 'made'],
  ['onHold', 'on hold'],
  ['validated', 'made'],
  ['sent', 'sent'],
  ['partiallyPaid', 'paid in part'],
  ['settled', 'paid'],
]);

const UNITS = ['octets', 'kB', 'MB', 'GB', 'TB', 'PB'];

function octets(count: bigint): string {
  let [unit, size] = [0, 1n];
  while (count >= size * 1000n && unit < UNITS.length - 1) [unit, size] = [unit + 1, size * 1000n];
  const hundredths = (count * 100n) / size;
  return unit === 0
    ? `${count} octets`
    : `${hundredths / 100n}.${(hundredths % 100n).toString().padStart(2, '0')} ${UNITS[unit]}`;
}

function larger(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}

/** What a name says is never part of the page. */
function text(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
