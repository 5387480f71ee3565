// POWER-ETHERNET-MIB (RFC 3621) of a simulated switch: of each Ethernet port whether it feeds what hangs on it. Group and port are numbered from 1.
import { integerColumn } from './mib-columns.ts';
import { type MibColumn, Rows } from './mib-view.ts';
import { oidOf } from './ber.ts';
import type { Device } from './truth.ts';

const PETH_PSE_PORT_TABLE = '1.3.6.1.2.1.105.1.1.1';
const ETHERNET = 6;
const [TRUE, FALSE] = [1, 2];
const DELIVERING_POWER = 3;

export function powerEthernet(device: Device): MibColumn[] {
  const ports = device.interfaces.filter(({ port }) => port.type === ETHERNET);
  const rows = new Rows(ports.map((_, at) => [1, at + 1]));
  return [
    {
      oid: oidOf(`${PETH_PSE_PORT_TABLE}.3`),
      rows,
      wide: false,
      write: (row, _instant, out) => out.integer(ports[row]?.state.fed === false ? FALSE : TRUE),
      accept: (row, value) => {
        const state = ports[row]?.state;
        if (state === undefined || (value !== TRUE && value !== FALSE)) return null;
        return () => state.setFed(value === TRUE);
      },
    },
    integerColumn(
      `${PETH_PSE_PORT_TABLE}.6`,
      rows,
      ports.map(() => DELIVERING_POWER),
    ),
  ];
}
