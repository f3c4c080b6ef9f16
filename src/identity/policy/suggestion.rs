//! What to do about a password that is too easy: zxcvbn's own words, as values that each language says in its way.

use zxcvbn::Entropy;
use zxcvbn::feedback::{Suggestion as Advice, Warning};

/// Declares our enum and how zxcvbn's two are turned into it, one to one.
macro_rules! suggestions {
    (warnings { $($warning:ident => $own:ident),+ $(,)? } advice { $($advice:ident => $other:ident),+ $(,)? }) => {
        /// Why a password is easy to guess, and what would make it harder.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Suggestion { $($own,)+ $($other),+ }

        impl Suggestion {
            /// Every one, for the tests of the catalogues.
            pub const ALL: &[Self] = &[$(Self::$own,)+ $(Self::$other),+];
        }

        const fn from_warning(warning: Warning) -> Suggestion {
            match warning { $(Warning::$warning => Suggestion::$own),+ }
        }

        const fn from_advice(advice: Advice) -> Suggestion {
            match advice { $(Advice::$advice => Suggestion::$other),+ }
        }
    };
}

suggestions! {
    warnings {
        StraightRowsOfKeysAreEasyToGuess => RowOfKeys,
        ShortKeyboardPatternsAreEasyToGuess => PatternOfKeys,
        RepeatsLikeAaaAreEasyToGuess => RepeatedCharacter,
        RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => RepeatedPart,
        ThisIsATop10Password => TopTen,
        ThisIsATop100Password => TopHundred,
        ThisIsACommonPassword => VeryCommon,
        ThisIsSimilarToACommonlyUsedPassword => LikeACommonOne,
        SequencesLikeAbcAreEasyToGuess => Sequence,
        RecentYearsAreEasyToGuess => RecentYear,
        AWordByItselfIsEasyToGuess => LoneWord,
        DatesAreOftenEasyToGuess => Date,
        NamesAndSurnamesByThemselvesAreEasyToGuess => LoneName,
        CommonNamesAndSurnamesAreEasyToGuess => CommonName,
    }
    advice {
        UseAFewWordsAvoidCommonPhrases => UseAFewWords,
        NoNeedForSymbolsDigitsOrUppercaseLetters => NoNeedForSymbols,
        AddAnotherWordOrTwo => AddAWord,
        CapitalizationDoesntHelpVeryMuch => CapitalsHelpLittle,
        AllUppercaseIsAlmostAsEasyToGuessAsAllLowercase => AllCapitalsHelpLittle,
        ReversedWordsArentMuchHarderToGuess => ReversingHelpsLittle,
        PredictableSubstitutionsDontHelpVeryMuch => SubstitutionsHelpLittle,
        UseALongerKeyboardPatternWithMoreTurns => LongerPatternOfKeys,
        AvoidRepeatedWordsAndCharacters => AvoidRepeats,
        AvoidSequences => AvoidSequences,
        AvoidRecentYears => AvoidRecentYears,
        AvoidYearsThatAreAssociatedWithYou => AvoidYourYears,
        AvoidDatesAndYearsThatAreAssociatedWithYou => AvoidYourDates,
    }
}

/// Why first, then what to do.
pub(super) fn of(entropy: &Entropy) -> Vec<Suggestion> {
    let Some(feedback) = entropy.feedback() else {
        return vec![Suggestion::AddAWord];
    };
    let advice = feedback.suggestions().iter().map(|advice| from_advice(*advice));
    feedback.warning().map(from_warning).into_iter().chain(advice).collect()
}

/// Whether zxcvbn knows it, or what it was made of, as a password that many have.
pub(super) fn says_common(entropy: &Entropy) -> bool {
    matches!(
        entropy.feedback().and_then(|feedback| feedback.warning()),
        Some(
            Warning::ThisIsATop10Password
                | Warning::ThisIsATop100Password
                | Warning::ThisIsACommonPassword
                | Warning::ThisIsSimilarToACommonlyUsedPassword
        )
    )
}
