// The interfaces of the base profile and nothing else: what is not under test costs no requests.
import { Catalogue, loadProfiles } from '../../agent/profile/catalogue.ts';
import type { ProfileCatalogue } from '../../agent/profile/profile.ts';
import { sourceOf } from '../../agent/profile/profile-source.ts';
import { profileSchema } from '../../agent/profile/schema.ts';

export function bareCatalogue(): ProfileCatalogue {
  const shipped = loadProfiles('config/profiles').named('base')?.interface;
  return new Catalogue([sourceOf(profileSchema.parse({ name: 'base', extends: null, interface: shipped }))], {});
}
