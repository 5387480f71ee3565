// The way to the bridge when a browser leaves in the middle: nothing of an answer that nobody reads may end the process.
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addBridgeProxy, BRIDGE_PROXY } from '../../../collector/api/bridge-proxy.ts';
import { eventually } from '../../support/collector-fixture.ts';
import { silentReporter } from '../../support/silent-reporter.ts';

const TIMEOUT_MS = 300;

let bridge: Server;
let collector: FastifyInstance;
/** Sends the first part of an answer that has no end. */
let answer: () => void;
let asked: number;
let closed: number;
const uncaught: Error[] = [];
const keep = (error: Error): void => void uncaught.push(error);

beforeEach(async () => {
  [asked, closed, uncaught.length] = [0, 0, 0];
  process.on('uncaughtException', keep);
  bridge = createServer((_request, response) => {
    asked += 1;
    response.once('close', () => (closed += 1));
    answer = () => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"items": [');
    };
  });
  await new Promise<void>((resolve) => bridge.listen(0, '127.0.0.1', resolve));
  const address = bridge.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  collector = Fastify();
  const config = { ...BRIDGE_PROXY, timeoutMs: TIMEOUT_MS, bridgeUrl: `http://127.0.0.1:${port}` };
  addBridgeProxy(collector, silentReporter().reporter, config);
  await collector.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(async () => {
  process.off('uncaughtException', keep);
  await collector.close();
  bridge.closeAllConnections();
  bridge.close();
});

test("a browser that leaves before the answer begins: the bridge is let go of, and its timeout is nobody's error", async () => {
  const address = collector.server.address();
  const browser = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
  browser.write('GET /billing/v1/overview HTTP/1.1\r\nhost: x\r\n\r\n');
  await eventually(async () => asked === 1, 'the bridge is asked');
  browser.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  answer();
  await eventually(async () => closed === 1, 'the bridge is let go of');
  // Long enough for the timeout of the question, which is over.
  await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS));
  expect(uncaught).toEqual([]);
});
