/** The rules of a namespace. */
export interface XtState {
  /** False while no table was ever made here: no packet meets a rule. */
  active: boolean;
}

export function createXtState(): XtState {
  return { active: false };
}
