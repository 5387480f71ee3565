// The frame of every view: where one can go, the search, whether what is seen is live, and how it is shown.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { AgentsView } from './agents.tsx';
import { AlarmView } from './alarm-view.tsx';
import { AlarmsView } from './alarms-view.tsx';
import type { StreamState } from './event-stream.ts';
import { BillView } from './bill-view.tsx';
import { ChargeView } from './charges-view.tsx';
import { CustomerView } from './customer-view.tsx';
import { DeviceView } from './device-view.tsx';
import { DevicesView } from './devices-view.tsx';
import { seconds } from './format.ts';
import { HealthView } from './health-view.tsx';
import { InterfaceView } from './interface-view.tsx';
import { InterfacesView } from './interfaces-view.tsx';
import { KpiView } from './kpi-view.tsx';
import { LiveContext, useLive } from './live.ts';
import { MaintenanceView } from './maintenance-view.tsx';
import { MapView } from './map-view.tsx';
import { type May, mayOf } from './may.ts';
import { ReaderContext, useReader } from './reader.ts';
import { hrefOf, type Place, usePlace } from './place.ts';
import { PlansView } from './plans-view.tsx';
import { Search } from './search.tsx';
import { ServiceLevelsView } from './service-levels-view.tsx';
import { SettingsView } from './settings-view.tsx';
import { SitesView } from './sites-view.tsx';
import { StormBanner } from './storm.tsx';
import { chooseTheme, THEMES, type Theme, theme } from './theme.ts';
import type { Overview, Who } from './types.ts';
import { useAnswer } from './use-answer.ts';
import { UsageView } from './usage-view.tsx';
import { Wall } from './wall.tsx';
import { LANGUAGES, type Language, language, t, type Word } from './words.ts';

interface View {
  readonly path: string;
  readonly word: Word;
  readonly shown: (may: May) => boolean;
  readonly draw: (place: Place) => ComponentChildren;
}

const VIEWS: readonly View[] = [
  { path: '', word: 'nav.wall', shown: () => true, draw: () => <Wall /> },
  {
    path: 'alarms',
    word: 'nav.alarms',
    shown: () => true,
    draw: ({ path }) => (path[1] === undefined ? <AlarmsView /> : <AlarmView id={path[1]} />),
  },
  { path: 'sites', word: 'nav.sites', shown: ({ network }) => network, draw: () => <SitesView /> },
  {
    path: 'devices',
    word: 'nav.devices',
    shown: ({ network }) => network,
    draw: ({ path }) => (path[1] === undefined ? <DevicesView /> : <DeviceView name={path[1]} />),
  },
  { path: 'interfaces', word: 'interfaces', shown: ({ network }) => network, draw: () => <InterfacesView /> },
  {
    path: 'maintenance',
    word: 'nav.maintenance',
    shown: ({ network }) => network,
    draw: () => <MaintenanceView />,
  },
  { path: 'kpis', word: 'nav.kpis', shown: ({ network }) => network, draw: () => <KpiView /> },
  {
    path: 'service-levels',
    word: 'nav.serviceLevels',
    shown: ({ customers }) => customers,
    draw: () => <ServiceLevelsView />,
  },
  { path: 'map', word: 'nav.map', shown: ({ network }) => network, draw: () => <MapView /> },
  {
    path: 'usage',
    word: 'nav.usage',
    shown: ({ customers }) => customers,
    draw: ({ path }) => (path[1] === undefined ? <UsageView /> : <CustomerView id={path[1]} />),
  },
  { path: 'plans', word: 'nav.plans', shown: ({ sums }) => sums, draw: () => <PlansView /> },
  { path: 'agents', word: 'nav.agents', shown: ({ network }) => network, draw: () => <AgentsView /> },
  { path: 'health', word: 'nav.health', shown: ({ network }) => network, draw: () => <HealthView /> },
  { path: 'settings', word: 'nav.settings', shown: ({ administrate }) => administrate, draw: () => <SettingsView /> },
];
/** Without a place of their own in the bar. */
const INNER: Readonly<Record<string, (place: Place) => ComponentChildren>> = {
  interfaces: ({ path }) => <InterfaceView device={path[1] ?? ''} name={path[2] ?? ''} />,
  bills: ({ path }) => <BillView id={path[1] ?? ''} />,
  charges: ({ path }) => <ChargeView id={path[1] ?? ''} />,
};

interface ShellProps {
  readonly who: Who;
  readonly onRefused: () => void;
  readonly onLeave: () => void;
  readonly onLanguage: (language: Language) => void;
}

export function Shell({ who, onRefused, onLeave, onLanguage }: ShellProps) {
  const live = useLive(`${who.name} ${who.role}`);
  return (
    <LiveContext.Provider value={live}>
      <ReaderContext.Provider value={{ who, may: mayOf(who) }}>
        <Frame stream={live.stream} onRefused={onRefused} onLeave={onLeave} onLanguage={onLanguage} />
      </ReaderContext.Provider>
    </LiveContext.Provider>
  );
}

interface FrameProps extends Omit<ShellProps, 'who'> {
  readonly stream: StreamState;
}

function Frame({ stream, onRefused, onLeave, onLanguage }: FrameProps) {
  const place = usePlace();
  const { may } = useReader();
  const overview = useAnswer<Overview>('/api/v1/overview');
  useEffect(() => {
    if (overview.refused === 401) onRefused();
  }, [overview.refused, onRefused]);
  const name = place.path[0] ?? '';
  const view = VIEWS.find(({ path }) => path === name);
  const inner = Object.hasOwn(INNER, name) && place.path.length > 1 ? INNER[name] : undefined;
  const drawn = inner !== undefined ? inner(place) : view?.shown(may) === true ? view.draw(place) : null;
  useEffect(() => {
    const about = place.path.slice(1).join(' ');
    document.title = [about, view === undefined || name === '' ? '' : t(view.word), 'Weir'].filter(Boolean).join(' · ');
  }, [place, view, name]);
  return (
    <>
      <a class="skip" href="#content" onClick={skip}>
        {t('nav.skip')}
      </a>
      <Bar stream={stream} onLeave={onLeave} onLanguage={onLanguage} />
      <nav class="views" aria-label={t('nav.views')}>
        {VIEWS.filter(({ shown }) => shown(may)).map(({ path, word }) => (
          <a key={path} href={hrefOf(path === '' ? [] : [path])} aria-current={path === name ? 'page' : undefined}>
            {t(word)}
          </a>
        ))}
      </nav>
      {overview.data?.demo === true && name === '' && (
        <p class="demo">
          <strong>{t('demo')}</strong> {t('demo.what', { interval: seconds(overview.data.pollIntervalMs) })}
        </p>
      )}
      <main id="content" tabIndex={-1}>
        {(name === '' || name === 'alarms') && <StormBanner storm={overview.data?.storm ?? null} />}
        {drawn ?? <p class="empty">{view === undefined ? t('nav.nothing') : t('nav.notYours')}</p>}
      </main>
    </>
  );
}

/** The address behind `#` says where one is, so that a jump inside the page is made by hand. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

const STREAM_WORDS: Readonly<Record<StreamState, Word>> = {
  live: 'stream.live',
  lost: 'stream.lost',
  connecting: 'stream.connecting',
};

function Bar({ stream, onLeave, onLanguage }: Omit<FrameProps, 'onRefused'>) {
  const { who } = useReader();
  const [chosen, setChosen] = useState<Theme>(theme());
  return (
    <header class="bar">
      <a href={hrefOf([])} class="brand">
        <img src="/favicon.svg" alt="" />
        <h1>Weir</h1>
      </a>
      <Search />
      <span class="live" role="status">
        <span class={`dot ${stream}`} />
        {t(STREAM_WORDS[stream])}
      </span>
      <select
        aria-label={t('theme')}
        value={chosen}
        onChange={(event) => {
          const wanted = THEMES.find((one) => one === event.currentTarget.value) ?? 'auto';
          chooseTheme(wanted);
          setChosen(wanted);
        }}
      >
        {THEMES.map((one) => (
          <option key={one} value={one}>
            {t(`theme.${one}`)}
          </option>
        ))}
      </select>
      <select
        aria-label={t('language')}
        value={language()}
        onChange={(event) => onLanguage(event.currentTarget.value as Language)}
      >
        {Object.entries(LANGUAGES).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
      <button type="button" class="plain" title={t('signedInAs', { name: who.name, role: who.role })} onClick={onLeave}>
        {t('signOut')}
      </button>
    </header>
  );
}
