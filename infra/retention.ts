import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { InvalidInput } from '../lib/errors.ts';

/** CloudWatch Logs knows only some numbers of days. */
export function retentionOf(days: number): RetentionDays {
  const known = Object.values(RetentionDays).filter((value) => typeof value === 'number');
  if (known.includes(days)) return days;
  throw new InvalidInput(`logDays is ${days}; it must be one of ${known.join(', ')}.`);
}
