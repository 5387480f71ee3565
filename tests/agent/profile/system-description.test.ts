// What is known of a device that gives away its system group alone: a view, an old release or a guard hides the rest.
import { expect, test } from 'vitest';
import { seen } from '../../support/hand-made-device.ts';

/** sysObjectID behind 1.3.6.1.4.1, sysDescr, and vendor / model / version as they must be told; `-` for none. */
const DEVICES: readonly (readonly [string, string, string])[] = [
  [
    '2636.1.1.1.2.43',
    'Juniper Networks, Inc. ex2200-24t-4g Ethernet Switch, kernel JUNOS 12.3R12.4, Build date: 2016-01-20',
    'Juniper Networks / ex2200-24t-4g / 12.3R12.4',
  ],
  [
    '11.2.3.7.11.62',
    'ProCurve J9019A Switch 2510-24, revision Q.10.02, ROM Q.10.02 (/sw/code/build/harp(harp))',
    'Hewlett-Packard / J9019A Switch 2510-24 / Q.10.02',
  ],
  [
    '11.2.3.7.11.181',
    'Aruba JL255A 2930F-24G-PoE+-4SFP+ Switch, revision WC.16.04.0008, ROM WC.16.01.0006',
    'Hewlett-Packard / JL255A 2930F-24G-PoE+-4SFP+ / WC.16.04.0008',
  ],
  ['674.10895.3031', 'PowerConnect 5548, 4.1.0.19, VxWorks', 'Dell / PowerConnect 5548 / 4.1.0.19'],
  [
    '1916.2.167',
    'ExtremeXOS (X440G2-24p-10G4) version 21.1.1.4 v2111b4 by release-manager on Wed Jun 15 2016',
    'Extreme Networks / X440G2-24p-10G4 / 21.1.1.4',
  ],
  [
    '1991.1.3.62.1.1.1',
    'Ruckus Wireless, Inc. ICX7450-48-HPOE, IronWare Version 08.0.70aT213 Compiled on Jan 12 2018',
    'Ruckus / ICX7450-48-HPOE / 08.0.70aT213',
  ],
  [
    '4413',
    'EdgeSwitch 24-Port 250W, 1.7.0.4922887, Linux 3.6.5-1b505fb7',
    'Ubiquiti / EdgeSwitch 24-Port 250W / 1.7.0.4922887',
  ],
  ['6876.4.1', 'VMware ESXi 6.5.0 build-5969303 VMware, Inc. x86_64', 'VMware / - / 6.5.0'],
  [
    '318.1.3.27',
    'APC Web/SNMP Management Card (MB:v4.1.0 PF:v6.7.2 PN:apc_hw05_aos_672.bin AF1:v6.7.2 AN1:apc_hw05_sumx_672.bin MN:AP9631 HR:05 SN: ZA1552023456)',
    'APC / AP9631 / v6.7.2',
  ],
  ['4526.100.4.34', 'M4300-28G ProSAFE 24-port 1G, 12.0.2.9, 1.0.0.7', 'Netgear / M4300-28G / 12.0.2.9'],
  [
    '45.3.78.1',
    'Ethernet Routing Switch 4850GTS-PWR+ HW:04 FW:5.6.2.1 SW:v5.7.0.008 BN:08 (c) Avaya Networks',
    'Avaya / Ethernet Routing Switch 4850GTS-PWR+ / 5.7.0.008',
  ],
  [
    '25506.11.1.70',
    'H3C Comware Platform Software, Software Version 5.20 Release 2208 H3C S5120-28C-EI Copyright (c) 2004-2011',
    'H3C / S5120-28C-EI / 5.20',
  ],
  [
    '2011.2.23.96',
    'S5700-28C-SI\r\nHuawei Versatile Routing Platform Software\r\nVRP (R) software,Version 5.70 (S5700 V200R001C00SPC300)',
    'Huawei / S5700-28C-SI / V200R001C00SPC300',
  ],
  [
    '30065.1.3011.7050',
    'Arista Networks EOS version 4.20.1F running on an Arista Networks DCS-7050QX-32S',
    'Arista Networks / DCS-7050QX-32S / 4.20.1F',
  ],
  [
    '6527.1.3.8',
    'TiMOS-C-14.0.R7 cpm/hops64 Nokia 7750 SR Copyright (c) 2000-2016 Nokia. All rights reserved.',
    'Nokia / 7750 SR / 14.0.R7',
  ],
  [
    '6486.800.1.1.2.1.7.1.10',
    'Alcatel-Lucent OS6850-P24X 6.4.4.585.R01 GA, August 02, 2012.',
    'Alcatel-Lucent Enterprise / OS6850-P24X / 6.4.4.585.R01',
  ],
  [
    '664.1.865',
    'NetVanta 1335 PoE, Version: R10.5.3.E, Date: Fri Aug 16 2013',
    'Adtran / NetVanta 1335 PoE / R10.5.3.E',
  ],
  ['25053.3.1.5.2', 'Ruckus Wireless ZD1106', 'Ruckus / ZD1106 / -'],
  ['25053.3.1.4.1', 'Ruckus Wireless Inc (C) 2006 7982', 'Ruckus / 7982 / -'],
  ['14823.1.1.32', 'ArubaOS (MODEL: Aruba7210), Version 6.4.3.4 (51174)', 'Aruba / Aruba7210 / 6.4.3.4'],
  ['25461.2.3.4', 'Palo Alto Networks PA-200 series firewall', 'Palo Alto Networks / PA-200 / -'],
  ['8741.1', 'SonicWALL TZ 205 (SonicOS Enhanced 5.8.1.12-46o)', 'SonicWall / TZ 205 / 5.8.1.12-46o'],
  ['5951.1', 'NetScaler NS10.5: Build 55.8.nc, Date: Jan 20 2015, 05:09:25', 'Citrix / - / NS10.5'],
  ['25049.1.61', 'Opengear/IM72xx Version 3.16.4 a5d5e7b8 -- Fri Sep 4 2015', 'Opengear / IM72xx / 3.16.4'],
  ['9.6.1.95.28.5', 'SG350-28 28-Port Gigabit Managed Switch', 'Cisco / SG350-28 / -'],
  ['24681.1', 'Linux TS-459 Pro II 4.2.6', 'QNAP / TS-459 Pro II / 4.2.6'],
  ['1271.2', 'Ciena 3916 Service Delivery Switch', 'Ciena / 3916 / -'],
  ['3955.6.5028', 'SLM2048 48-port 10/100/1000 Gigabit Smart Switch', 'Linksys / SLM2048 / -'],
  [
    '4881.1.1.10.1.24',
    'Ruijie Full Gigabit Security & SMB Switch (S5750C-28GT4XS-H) By Ruijie Networks',
    'Ruijie / S5750C-28GT4XS-H / -',
  ],
];

test.each(DEVICES)('%s: %s', async (enterprise, sysDescr, expected) => {
  const { identity } = await seen({ name: '', enterprise, sysDescr, objects: {}, identity: {}, finds: [] });
  const told = ['vendor', 'model', 'version'].map((field) => identity[field]);
  expect(told.map((text) => (text === null || text === '' ? '-' : text)).join(' / ')).toBe(expected);
});
