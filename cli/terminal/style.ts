import { styleText } from 'node:util';

/** A colour or emphasis as node:util names it. */
export type Format = Parameters<typeof styleText>[0];

/** Colours a text for the stream it will be written to; unchanged where that stream shows no colours. */
export type Style = (format: Format, text: string) => string;

/** Colours only on a terminal; `NO_COLOR` switches them off, `FORCE_COLOR` on. */
export function styleFor(stream: NodeJS.WritableStream): Style {
  return (format, text) => styleText(format, text, { stream });
}

/** The few signs beyond ASCII that the output uses. */
export interface Glyphs {
  done: string;
  failed: string;
  barFull: string;
  barEmpty: string;
}

/** Signs that the locale can show: plain ASCII unless the environment says UTF-8. */
export function glyphsFor(environment: NodeJS.ProcessEnv): Glyphs {
  const locale = environment['LC_ALL'] || environment['LC_CTYPE'] || environment['LANG'] || '';
  return /utf-?8/i.test(locale)
    ? { done: '✓', failed: '✗', barFull: '━', barEmpty: '─' }
    : { done: '+', failed: 'x', barFull: '#', barEmpty: '-' };
}
