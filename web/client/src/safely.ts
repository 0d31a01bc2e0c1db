/** Calls what is the game's: what it throws is reported, and does no harm to whoever called it. */
export function safely(callback: () => void, report: (error: unknown) => void): void {
  try {
    callback();
  } catch (error) {
    report(error);
  }
}
