/** A metric's name, and what is measured in which unit of CloudWatch. */
export type Measured = Readonly<Record<string, readonly [unit: Unit, value: number]>>;
type Unit = 'Bytes' | 'Count' | 'Seconds' | 'None';

export interface MetricLine {
  readonly dimensions: Readonly<Record<string, string>>;
  readonly metrics: Measured;
  readonly nowMilliseconds: number;
  /** What is found beside them in the log, and is no dimension: it would make a metric of its own each time. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** A line in CloudWatch's embedded metric format: Lambda's log becomes metrics without a call. */
export function metricLine(line: MetricLine): string {
  const { dimensions, metrics, nowMilliseconds, properties = {} } = line;
  return JSON.stringify({
    _aws: {
      Timestamp: nowMilliseconds,
      CloudWatchMetrics: [
        {
          Namespace: 'snapbank',
          Dimensions: [Object.keys(dimensions)],
          Metrics: Object.entries(metrics).map(([Name, [Unit]]) => ({ Name, Unit })),
        },
      ],
    },
    ...properties,
    ...dimensions,
    ...Object.fromEntries(Object.entries(metrics).map(([name, [, value]]) => [name, value])),
  });
}
