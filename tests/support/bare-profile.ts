// The interfaces of the base profile and nothing else: what is not under test costs no requests.
import { Catalogue, loadProfiles } from '../../agent/profile/catalogue.ts';
import type { ProfileCatalogue } from '../../agent/profile/profile.ts';

export function bareCatalogue(): ProfileCatalogue {
  const base = {
    name: 'base',
    extends: null,
    matches: [],
    without: [],
    interface: loadProfiles('config/profiles').choose(null).interface,
    system: [],
    processor: [],
    memory: [],
    sensor: [],
    neighbour: [],
  };
  return new Catalogue([base], {});
}
