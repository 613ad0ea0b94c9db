import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactText, redactUrl, strippedCause } from '../../../lib/http/redact.ts';

describe('redaction', () => {
  it('leaves of a URL what is no secret', () => {
    expect(redactUrl('https://me:word@host:8/path?key=1#x')).toBe('https://host:8/path');
    expect(redactUrl('what?')).toBe('(not a URL)');
  });

  it('removes query strings and credentials of all URLs in a text', () => {
    expect(redactText('see  https://me:word@host/a?b=c and "http://x/y#z" or\nnothing')).toBe(
      'see https://host/a?… and "http://x/y?…" or nothing',
    );
  });

  it('shows no secret of a presigned URL, wherever in a text it stands', () => {
    const word = fc.stringMatching(/^[a-z]{0,8}$/);
    const secret = fc.stringMatching(/^[A-Z0-9%+/=]{12,30}$/);
    fc.assert(
      fc.property(word, word, secret, (before, after, secret) => {
        const url = `https://bucket.s3/${before}?X-Amz-Expires=9&X-Amz-Signature=${secret}`;
        expect(redactText(`${before} <${url}> ${after} '${url}'`)).not.toContain(secret);
      }),
    );
  });

  it('bounds what a service can make it print', () => {
    expect(redactText('x'.repeat(10_000)).length).toBeLessThan(600);
  });

  it('keeps code and words of a cause, and nothing that hangs on it', () => {
    const error = Object.assign(new Error('connect ECONNREFUSED'), {
      code: 'ECONNREFUSED',
      config: { headers: { 'X-Auth-Token': 'hidden' } },
    });

    const cause = strippedCause(error);

    expect(cause.message).toBe('ECONNREFUSED: connect ECONNREFUSED');
    expect(Object.keys(cause)).toEqual([]);
  });
});
