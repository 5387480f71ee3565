// The peers' side: the same values as line protocol, posted in bodies of 5,000 points, several at a time.
import { Agent, request } from 'node:http';
import { COUNTERS, deviceName, portName, STATUS_UP, STATUSES, type Traffic } from './traffic.ts';

const LINES_EACH = 5000;
const CONCURRENCY = 4;

/** The bodies of the traffic's present round. */
export function bodiesOf(traffic: Traffic): Buffer[] {
  const { devices, portsEach } = traffic.config;
  const statuses = STATUSES.map((name) => `,${name}=${STATUS_UP}i`).join('');
  const bodies: Buffer[] = [];
  let lines: string[] = [];
  for (let device = 0; device < devices; device += 1) {
    const values = COUNTERS.map((_, counter) => traffic.of(device, counter));
    for (let port = 0; port < portsEach; port += 1) {
      const fields = COUNTERS.map(({ name }, counter) => `${name}=${values[counter]?.[port] ?? 0n}i`).join(',');
      lines.push(
        `interface,device=${deviceName(device)},interface=${portName(port)} ${fields}${statuses} ${traffic.atMs(device)}`,
      );
      if (lines.length === LINES_EACH) {
        bodies.push(Buffer.from(lines.join('\n')));
        lines = [];
      }
    }
  }
  if (lines.length > 0) bodies.push(Buffer.from(lines.join('\n')));
  return bodies;
}

/** Posts them all; rejects where one is not taken. */
export async function postAll(url: string, bodies: readonly Buffer[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) await post(url, body, agent);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  agent.destroy();
}

function post(url: string, body: Buffer, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: 'POST', agent, headers: { 'content-length': body.length } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => {
        if ((answer.statusCode ?? 500) < 300) resolve();
        else reject(new Error(`${url} answered ${answer.statusCode}: ${text}`));
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}
