// What a sensor may measure, by the field's terms (those of LibreNMS and ENTITY-SENSOR-MIB), with the unit its values are in.

export const SENSOR_UNITS: Readonly<Record<string, string>> = {
  airflow: 'cfm',
  ber: '',
  bitrate: 'bit/s',
  charge: '%',
  chromatic_dispersion: 'ps/nm',
  cooling: 'W',
  count: '',
  current: 'A',
  dbm: 'dBm',
  delay: 's',
  energy: 'Wh',
  fanspeed: 'rpm',
  frequency: 'Hz',
  humidity: '%',
  load: '%',
  loss: '%',
  percent: '%',
  power: 'W',
  power_consumed: 'kWh',
  power_factor: '',
  pressure: 'kPa',
  quality_factor: 'dB',
  runtime: 'min',
  signal: 'dBm',
  snr: 'dB',
  state: '',
  temperature: '°C',
  tv_signal: 'dBmV',
  voltage: 'V',
  waterflow: 'l/min',
};

/** What a state means for alarms. */
export const STATES: readonly string[] = ['ok', 'warning', 'critical', 'unknown'];
