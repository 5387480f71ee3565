// The door over TLS takes up renewed certificates without a restart, and goes on with the old ones while the new ones do not fit.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { createServer } from '../../../common/http/server.ts';
import { TlsFiles } from '../../../common/runtime/tls-files.ts';
import { TlsListener } from '../../../common/http/tls-listener.ts';
import { CertificateAuthority } from '../../support/certificates.ts';
import { describeWith } from '../../support/requirements.ts';
import { silentReporter } from '../../support/silent-reporter.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** The name in the certificate that the door shows. */
function shown(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.end();
    });
    socket.once('error', reject);
  });
}

describeWith('openssl', 'renewed certificates', () => {
  test('are shown to the next connection; half a renewal is not', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'weir-renewal-'));
    const authority = new CertificateAuthority(folder, 'authority');
    const [first, second] = [authority.sign('first'), authority.sign('second')];
    const [certificateFile, keyFile] = [path.join(folder, 'now.pem'), path.join(folder, 'now.key')];
    copyFileSync(first.certificate, certificateFile);
    copyFileSync(first.key, keyFile);
    const clock = new VirtualClock(0);
    const { reporter, lines } = silentReporter();
    const files = new TlsFiles(
      reporter,
      { caFile: null, certificateFile, keyFile, serverName: null },
      { clock, environment: {} },
    );
    const door = new TlsListener({ host: '127.0.0.1', port: 0, clientCertificates: 'nobody' }, files);
    const server = createServer(reporter, {
      maxBodyBytes: 1000,
      authenticator: { authenticate: () => Promise.resolve(null) },
    });
    try {
      await server.ready();
      await door.start(server);
      expect(await shown(door.port)).toBe('first');
      copyFileSync(second.certificate, certificateFile);
      await clock.advance(10_000);
      expect(await shown(door.port)).toBe('first');
      expect(lines.some((line) => line.includes('the old ones are'))).toBe(true);
      copyFileSync(second.key, keyFile);
      await clock.advance(10_000);
      expect(await shown(door.port)).toBe('second');
    } finally {
      await door.stop();
      await server.close();
      rmSync(folder, { recursive: true });
    }
  });
});
