// Neighbours of real devices: every one that LibreNMS found in a recording is read, with every management address that the recording holds.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { managementAddress, readNeighbours } from '../../../agent/discover/neighbours.ts';
import { recordingsOf } from '../../support/recording.ts';
import { CORPUS, describeWith } from '../../support/requirements.ts';
import { type MibObject, ScriptedDevice } from '../../support/scripted-device.ts';
import { PUBLIC, testAccess } from '../../support/snmp-access.ts';

const LLDP = '1.0.8802.1.1.2.1.4';
const LLDP_V2 = '1.3.111.2.802.1.1.13.1.4';
const CDP = '1.3.6.1.4.1.9.9.23.1.2';

/** What a recording holds of neighbours. */
function neighbourObjects(name: string): MibObject[] {
  const lines = readFileSync(path.join(CORPUS, 'recordings', `${name}.snmprec`), 'latin1').split('\n');
  return lines.flatMap((line): MibObject[] => {
    const [oid = '', type = '', ...rest] = line.split('|');
    if (![LLDP, LLDP_V2, CDP].some((table) => oid.startsWith(`${table}.`))) return [];
    const value = rest.join('|');
    const tag = Number.parseInt(type, 10);
    if (tag === 4) return [{ oid, tag, value: Buffer.from(value, type.endsWith('x') ? 'hex' : 'latin1') }];
    return tag === 2 ? [{ oid, tag, value: Number(value) }] : [];
  });
}

function textOf(value: MibObject['value']): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);
}

describeWith(['corpus'], 'neighbours in recordings', () => {
  let device: ScriptedDevice | null = null;
  afterEach(async () => {
    await device?.stop();
    device = null;
  });

  const told = recordingsOf('recordings').filter((one) => neighbourObjects(one.name).length > 0);

  test('there are recordings of LLDP and of CDP', () => {
    const oids = told.flatMap((one) => neighbourObjects(one.name).map((object) => object.oid));
    expect(oids.filter((oid) => oid.startsWith(`${LLDP}.2.1.3.`)).length).toBeGreaterThan(100);
    expect(oids.filter((oid) => oid.startsWith(`${CDP}.1.1.4.`)).length).toBeGreaterThan(5);
  });

  test.each(told)('$name', async (recording) => {
    const objects = neighbourObjects(recording.name);
    device = new ScriptedDevice(objects);
    const port = await device.start();
    const { access } = testAccess({ timeoutMs: 2000, retries: 2 });
    await access.start();
    try {
      const reader = access.openReader({ host: '127.0.0.1', port }, PUBLIC);
      const { neighbours, complete } = await readNeighbours(reader, new AbortController().signal);
      expect(complete).toBe(true);
      const places = objects.flatMap(({ oid }) => {
        const index = oid.startsWith(`${LLDP}.2.1.3.`) ? oid.slice(`${LLDP}.2.1.3.`.length) : null;
        return index === null ? [] : [managementAddress(index, 3)?.address];
      });
      const lldp = neighbours.filter((one) => one.protocol === 'lldp');
      const rows = objects.flatMap(({ oid }) => /^1\.0\.8802\.1\.1\.2\.1\.4\.1\.1\.[459]\.(.*)$/.exec(oid)?.[1] ?? []);
      expect(lldp.length).toBeGreaterThanOrEqual(new Set(rows).size);
      const addresses = new Set(lldp.flatMap((one) => one.addresses));
      if (rows.length > 0) for (const place of places) expect(addresses).toContain(place);
      const cdpAddresses = objects.filter(
        ({ oid, value }) => oid.startsWith(`${CDP}.1.1.4.`) && value instanceof Uint8Array && value.length === 4,
      );
      expect(neighbours.filter((one) => one.protocol === 'cdp' && one.addresses.length > 0)).toHaveLength(
        cdpAddresses.length,
      );
      const names = new Set(neighbours.map((one) => one.name?.toLowerCase()));
      const links = recording.rows('discovery-protocols', 'links');
      // Where a neighbour tells no name, LibreNMS calls it by the beginning of its description.
      const described = (name: string): boolean =>
        objects.some(({ oid, value }) => oid.startsWith(`${LLDP}.1.1.10.`) && textOf(value).startsWith(name));
      const lost = links
        .map((link) => String(link['remote_hostname']))
        .filter((name) => !names.has(name.toLowerCase()) && !described(name));
      expect(lost).toEqual([]);
    } finally {
      await access.stop();
    }
  });
});
