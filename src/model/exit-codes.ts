/** Exit codes reserved by Spicerack (spicerack.md 1.7); cookbooks return 0 to 127 without 90 to 99. */
export const exitCodes = {
  ok: 0,
  configuration: 1,
  usage: 2,
  rollbackFailed: 93,
  initFailed: 94,
  argumentParserFailed: 95,
  argumentsFailed: 96,
  interrupted: 97,
  notFound: 98,
  exception: 99,
} as const;
