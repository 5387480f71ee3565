// How the series of a sensor is called by its class, for the store that keeps it and for who tells where to ask.

/** The metric name of a sensor's class as the profile gives it. */
export function sensorMetric(sensorClass: string): string {
  const name = sensorClass
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .slice(0, 40);
  return `sensor_${name === '' ? 'other' : name}`;
}
