// The HTML of the first page: one form, one answer, no script.
import { columnOf, type Poll } from '../../common/model/poll.ts';

export interface FormValues {
  readonly name: string;
  readonly address: string;
  readonly version: string;
  readonly community: string;
  readonly user: string;
  readonly authProtocol: string;
  readonly authPassphrase: string;
  readonly privProtocol: string;
  readonly privPassphrase: string;
}

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:34rem;margin:3rem auto;padding:0 1rem}
label{display:block;margin:.8rem 0 .2rem}input,select{font:inherit;width:100%;padding:.4rem;box-sizing:border-box}
fieldset{border:1px solid #8886;border-radius:.5rem;margin:1rem 0}button{font:inherit;padding:.5rem 1.2rem;margin-top:1rem}
.problem{border-inline-start:4px solid #c33;padding:.5rem 1rem;background:#c331}small{opacity:.75}`;

/** Text from a person or a device, made harmless. */
function safe(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function page(body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Weir</title><style>${STYLE}</style><body>${body}</body></html>`;
}

function field(name: keyof FormValues, label: string, value: string, type = 'text'): string {
  return `<label for="${name}">${label}</label><input id="${name}" name="${name}" type="${type}" value="${safe(value)}" autocomplete="off">`;
}

function choice(name: keyof FormValues, label: string, options: readonly string[], chosen: string): string {
  const items = options.map((option) => `<option${option === chosen ? ' selected' : ''}>${option}</option>`).join('');
  return `<label for="${name}">${label}</label><select id="${name}" name="${name}">${items}</select>`;
}

export function formPage(key: string, values: FormValues, problem: string | null): string {
  return page(`<h1>Weir</h1><p>Tell Weir of a first device. It is polled once; when it answers, the configuration is written, readable by you only, and everything starts.</p>
<p><small>A secret may be given as <code>\${VARIABLE}</code> or <code>file:PATH</code>; then only the reference is written.</small></p>
${problem === null ? '' : `<p class="problem" role="alert">${safe(problem)}</p>`}
<form method="post" action="/?key=${key}">
${field('address', 'Address <small>(host, host:port or [IPv6]:port)</small>', values.address)}
${field('name', 'Name <small>(how it is called in Weir; default the address)</small>', values.name)}
${choice('version', 'SNMP version', ['2c', '3', '1'], values.version)}
<fieldset><legend>Version 1 and 2c</legend>${field('community', 'Community', values.community)}</fieldset>
<fieldset><legend>Version 3</legend>${field('user', 'User', values.user)}
${choice('authProtocol', 'Authentication', ['SHA', 'SHA224', 'SHA256', 'SHA384', 'SHA512', 'MD5'], values.authProtocol)}${field('authPassphrase', 'Authentication passphrase', '', 'password')}
${choice('privProtocol', 'Privacy', ['AES', 'AES256B', 'AES256R', 'DES'], values.privProtocol)}${field('privPassphrase', 'Privacy passphrase', '', 'password')}</fieldset>
<button>Poll it once</button></form>`);
}

export function writtenPage(file: string, poll: Poll): string {
  const system = poll.tables.find((table) => table.name === 'system');
  const text = (name: string): string => {
    const column = system === undefined ? undefined : columnOf(system, name);
    return column?.kind === 'text' ? safe(column.values[0] ?? '') : '';
  };
  const interfaces = poll.tables.find((table) => table.name === 'interface')?.index.length ?? 0;
  return page(`<h1>${text('sysName') || safe(poll.device)} answers</h1><p>${text('sysDescr')}</p><p>${interfaces} interfaces, ${poll.requests} requests, ${poll.finishedAtMs - poll.startedAtMs} ms.</p>
<p>The configuration stands in <code>${safe(file)}</code> and Weir is starting: the terminal shows the address to sign in. Reload there in a few seconds.</p>`);
}
