import { InvalidInput } from '../lib/errors.ts';
import { metricLine } from '../lib/events/emf.ts';
import { metricsOfRun, PublishedEvent } from '../lib/events/run-metrics.ts';

/** Makes metrics of the event with which an execution ends; the dashboard shows them. */
export function reportRun(event: unknown, stack: string): string | undefined {
  const published = PublishedEvent.safeParse(event);
  if (!published.success) throw new InvalidInput('This is no event that a machine published.');
  const run = metricsOfRun(published.data);
  if (run === undefined) return undefined;
  return metricLine({
    dimensions: { Stack: stack, Machine: run.machine },
    metrics: run.metrics,
    nowMilliseconds: Date.parse(published.data.time),
    properties: { execution: published.data.detail.metadata.execution },
  });
}

export async function handler(event: unknown): Promise<void> {
  const line = reportRun(event, process.env['SNAPBANK_STACK'] ?? '');
  if (line !== undefined) process.stdout.write(`${line}\n`);
  await Promise.resolve();
}
