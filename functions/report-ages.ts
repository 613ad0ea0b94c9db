import * as z from 'zod';
import { agesOfPlans, type PlanAges } from '../lib/events/checkpoint-ages.ts';
import { metricLine } from '../lib/events/emf.ts';
import { Plan } from '../lib/events/plan.ts';
import { handlerOf } from '../lib/handler.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Measures by the clock how old the newest good checkpoints of each plan are; alarms watch the metrics. */
export const reportAges = stateFunction({
  name: 'ReportAges',
  input: z.strictObject({ plans: z.array(Plan), stack: z.string() }),
  async run(services, { plans, stack }, { signal }) {
    const ages = await agesOfPlans(services, plans, signal);
    for (const age of ages)
      process.stdout.write(`${metricsOf(age, stack, services.clock.now())}\n`);
    return { ages };
  },
});

function metricsOf(
  { plan, servers, unprotected, oldestHours }: PlanAges,
  stack: string,
  nowMilliseconds: number,
): string {
  return metricLine({
    dimensions: { Stack: stack, Plan: plan },
    metrics: {
      Servers: ['Count', servers],
      UnprotectedServers: ['Count', unprotected],
      ...(oldestHours === null ? {} : { OldestCheckpointHours: ['None', oldestHours] as const }),
    },
    nowMilliseconds,
  });
}

export const handler = handlerOf(reportAges);
