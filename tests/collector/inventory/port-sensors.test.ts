// Which sensors belong to a port, by what real devices call them.
import { expect, test } from 'vitest';
import { isSensorOf } from '../../../collector/inventory/port-sensors.ts';

test.each<readonly [name: string, descr: string | null, description: string, is: boolean]>([
  ['xe-0/0/1', null, 'xe-0/0/1 receive power', true],
  ['xe-0/0/1', null, 'xe-0/0/1 lane 2 receive power', true],
  ['xe-0/0/1', null, 'xe-0/0/10 receive power', false],
  ['xe-0/0/1', null, 'xe-0/0/1.0 receive power', false],
  ['xe-0/0/1', null, 'xe-0/0/1:0 receive power', false],
  ['xe-0/0/1', null, 'ge-xe-0/0/1 receive power', false],
  ['Ethernet1', null, 'DOM RX Power Sensor for Ethernet1', true],
  ['Ethernet1', null, 'DOM RX Power Sensor for Ethernet1/1', false],
  ['Ethernet1', null, 'DOM RX Power Sensor for Ethernet12', false],
  ['Te1/1/1', 'TenGigabitEthernet1/1/1', 'TenGigabitEthernet1/1/1 Receive Power Sensor', true],
  ['Te1/1/1', 'TenGigabitEthernet1/1/1', 'Te1/1/1 Module Temperature Sensor', true],
  ['Te1/1/1', 'TenGigabitEthernet1/1/1', 'Te1/1/10 Module Temperature Sensor', false],
  ['1/1/1', '1/1/1, 10-Gig Ethernet', '1/1/1 lane 1 bias current', true],
  ['1/1/1', null, '1/1/1-2 temperature', false],
  ['sfp-sfpplus1', null, 'sfp-sfpplus1 loss of signal', true],
  ['sfp-sfpplus1', null, 'sfp-sfpplus10 loss of signal', false],
  // Ports that are called by a number alone.
  ['1', null, '1 temperature', true],
  ['1', null, 'Fan 1', false],
  ['1', null, '12 temperature', false],
  ['1', '', 'Inlet', false],
  ['Port: 25', null, 'port: 25 transmit power', true],
])('%s (%s): %s', (ifName, ifDescr, description, is) => {
  expect(isSensorOf({ ifName, ifDescr }, description)).toBe(is);
});
