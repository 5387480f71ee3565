// Certificates for a test, made with openssl: an authority of our own, and what it signs.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface Signing {
  /** As openssl writes a subjectAltName; default the loopback by address and by name. */
  readonly names?: string;
  /** Valid from and until, YYYYMMDDHHMMSSZ; default a century from 2020 on. */
  readonly from?: string;
  readonly until?: string;
}

export class CertificateAuthority {
  readonly #folder: string;
  readonly #name: string;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
    const { certificate, key } = this.files;
    const subject = ['-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE'];
    openssl(['req', '-x509', ...NEW_KEY, '-keyout', key, '-out', certificate, '-days', '36500', ...subject]);
    // What `openssl ca` wants to keep its book in.
    writeFileSync(this.#place('index'), '');
    writeFileSync(this.#place('serial'), '01\n');
  }

  get files(): CertificateFiles {
    return { certificate: this.#place('crt'), key: this.#place('key') };
  }

  /** A certificate and its key, in files named after it. */
  sign(name: string, signing: Signing = {}): CertificateFiles {
    const [certificate, key, request, settings] = ['crt', 'key', 'csr', 'cnf'].map((end) =>
      path.join(this.#folder, `${this.#name}-${name}.${end}`),
    ) as [string, string, string, string];
    const { names = 'IP:127.0.0.1,DNS:localhost', from = '20200101000000Z', until = '21200101000000Z' } = signing;
    openssl(['req', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', `/CN=${name}`]);
    writeFileSync(settings, this.#settings(names));
    openssl([
      'ca',
      '-batch',
      '-notext',
      '-config',
      settings,
      '-startdate',
      from,
      '-enddate',
      until,
      '-in',
      request,
      '-out',
      certificate,
    ]);
    return { certificate, key };
  }

  #settings(names: string): string {
    const { certificate, key } = this.files;
    return `[ca]
default_ca = authority
[authority]
database = ${this.#place('index')}
serial = ${this.#place('serial')}
new_certs_dir = ${this.#folder}
certificate = ${certificate}
private_key = ${key}
default_md = sha256
policy = policy
unique_subject = no
x509_extensions = extensions
[policy]
commonName = supplied
[extensions]
subjectAltName = ${names}
`;
  }

  #place(end: string): string {
    return path.join(this.#folder, `${this.#name}.${end}`);
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** What node:tls takes of a pair of files. */
export function loaded({ certificate, key }: CertificateFiles): { readonly cert: Buffer; readonly key: Buffer } {
  return { cert: readFileSync(certificate), key: readFileSync(key) };
}

function openssl(options: readonly string[]): void {
  execFileSync('openssl', options, { stdio: 'pipe' });
}
