// E-mail over SMTP: one alarm is one thread, and a repeat after a crash has the same Message-ID.
import { messageId, sendMail, type SmtpServer } from '../../../common/send/smtp.ts';
import { bodyOf, titleOf } from '../message-text.ts';
import type { Message } from '../told.ts';
import type { Channel, ChannelDeps } from './channel.ts';

export interface EmailConfig extends SmtpServer {
  readonly from: string;
  readonly to: readonly string[];
}

export class Email implements Channel {
  readonly #config: EmailConfig;
  readonly #deps: Pick<ChannelDeps, 'environment'>;

  constructor(config: EmailConfig, deps: Pick<ChannelDeps, 'environment'>) {
    this.#config = config;
    this.#deps = deps;
  }

  send(message: Message): Promise<string | null> {
    const { from, to } = this.#config;
    return sendMail(this.#config, this.#deps.environment, {
      from,
      to,
      subject: titleOf(message),
      text: `${bodyOf(message)}\n`,
      messageId: messageId(message.key, from),
      references: message.threads.map((key) => messageId(key, from)),
      dateMs: message.createdAtMs,
      headers: { 'X-Weir-Key': message.key },
    });
  }
}
