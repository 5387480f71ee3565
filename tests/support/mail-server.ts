// A real SMTP server on loopback that keeps what it takes, and can be told to refuse.
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface ReceivedMail {
  readonly to: readonly string[];
  readonly text: string;
}

export class MailServer {
  readonly mails: ReceivedMail[] = [];
  /** taken: and then the connection breaks, so that nobody hears of it. */
  answering: 'well' | 'refusing' | 'breaking' = 'well';
  readonly #server: SMTPServer;

  constructor() {
    this.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onData: (stream, session, done) => {
        let text = '';
        stream.on('data', (piece: Buffer) => (text += piece.toString()));
        stream.on('end', () => {
          if (this.answering === 'refusing') return done(new Error('full'));
          this.mails.push({ to: session.envelope.rcptTo.map(({ address }) => address), text });
          if (this.answering === 'well') return done();
          // Each connection of the server: there is but the one.
          for (const connection of this.#server.connections) connection.close();
        });
      },
    });
    this.#server.on('error', () => undefined);
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.server.address() as AddressInfo).port;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

export function headerOf(mail: ReceivedMail | undefined, name: string): string | null {
  return new RegExp(`^${name}: (.*)$`, 'im').exec(mail?.text.replaceAll(/\r\n[ \t]+/g, ' ') ?? '')?.[1] ?? null;
}
