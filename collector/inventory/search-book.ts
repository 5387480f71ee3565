// Finds devices and interfaces by any word that they are known by: names, addresses, serial numbers, labels.
import type { Database } from '../../common/database/database.ts';
import { interfaceResource } from '../../common/model/interface-identity.ts';
import type { Viewpoint } from '../../common/model/viewpoint.ts';
import { macText } from './topology.ts';

export interface FoundDevice {
  readonly name: string;
  readonly text: string;
}

export interface FoundInterface {
  readonly resource: string;
  readonly text: string;
}

export class SearchBook {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Those that begin with the word come first. */
  async devices(viewpoint: Viewpoint, word: string, limit: number): Promise<FoundDevice[]> {
    const { rows } = await this.#database.query<FoundDevice>(
      `select name, concat_ws(' ', nullif(sys_name, name), vendor, model, serial) as text
         from inventory.device
        where ($1::text[] is null or name = any($1))
          and concat_ws(E'\\n', name, sys_name, sys_descr, sys_location, model, serial, version) ilike $2
        order by name not ilike $3, name limit $4`,
      [devicesSeen(viewpoint), pattern(word, '%'), pattern(word, ''), limit],
    );
    return [...rows];
  }

  async interfaces(viewpoint: Viewpoint, word: string, limit: number): Promise<FoundInterface[]> {
    const { rows } = await this.#database.query<{
      readonly device: string;
      readonly key: string;
      readonly text: string;
    }>(
      `select device.name as device, interface.key, concat_ws(' ', interface.if_alias, interface.mac) as text
         from inventory.interface interface join inventory.device device on device.id = interface.device
        where ($1::text[] is null or device.name = any($1) or device.name || '/' || interface.key = any($5::text[]))
          and interface.gone_at_ms is null
          and (concat_ws(E'\\n', device.name || '/' || interface.key, interface.if_name, interface.if_alias, interface.if_descr)
                 ilike $2 or interface.mac = $6 or interface.mac ilike $2)
        order by coalesce(interface.if_alias, interface.key) not ilike $3, device.name, interface.id limit $4`,
      [devicesSeen(viewpoint), pattern(word, '%'), pattern(word, ''), limit, viewpoint.resources, macText(word) ?? ''],
    );
    return rows.map(({ device, key, text }) => ({ resource: interfaceResource(device, key), text }));
  }
}

function devicesSeen(viewpoint: Viewpoint): readonly string[] | null {
  return viewpoint.everything ? null : viewpoint.devices;
}

/** The word as it is: neither `%` nor `_` means anything in it. */
function pattern(word: string, before: string): string {
  return `${before}${word.replaceAll('\0', '').replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
}
