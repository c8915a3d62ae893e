# Design-based estimates from R's survey package on its own example data: Rscript survey.R (writes the CSV files beside it).
suppressPackageStartupMessages(library(survey))
options(digits = 17, survey.adjust.domain.lonely = FALSE)
data(api)

columns <- c("dnum", "snum", "stype", "api00", "api99", "enroll", "api.stu", "ell", "meals", "mobility", "sch.wide",
             "awards", "comp.imp", "pw")
write <- function(data, fpc, file) {
  table <- data[, c(columns, fpc)]
  table$pw <- sprintf("%.15g", table$pw)
  write.csv(table, file, row.names = FALSE, quote = FALSE, na = "")
}
write(apistrat, "fpc", "apistrat.csv")
write(apiclus1, "fpc", "apiclus1.csv")
write(apiclus2, c("fpc1", "fpc2"), "apiclus2.csv")

found <- data.frame()
put <- function(design, quantity, term, statistic, value) {
  found <<- rbind(found, data.frame(design = design, quantity = quantity, term = term, statistic = statistic,
                                    value = sprintf("%.15g", as.numeric(value))))
}
put_stat <- function(design, quantity, stat, df = NULL) {
  terms <- names(coef(stat)); if (is.null(terms)) terms <- quantity
  put(design, quantity, terms, "estimate", coef(stat))
  put(design, quantity, terms, "std_error", SE(stat))
}

# As in the package's documentation: help(api), help(svydesign), help(svymean), help(svyratio), help(svyquantile),
# help(svyby), help(svyglm), help(rake), help(calibrate).
designs <- list(
  strat = svydesign(id = ~1, strata = ~stype, weights = ~pw, data = apistrat, fpc = ~fpc),
  strat_wr = svydesign(id = ~1, strata = ~stype, weights = ~pw, data = apistrat),
  clus1 = svydesign(id = ~dnum, weights = ~pw, data = apiclus1, fpc = ~fpc),
  clus2 = svydesign(id = ~dnum + snum, fpc = ~fpc1 + fpc2, data = apiclus2),
  clus2_wr = svydesign(id = ~dnum, weights = ~pw, data = apiclus2)
)
probs <- c(0.1, 0.25, 0.5, 0.75, 0.9)
for (name in names(designs)) {
  d <- designs[[name]]
  put(name, "df", "df", "df", degf(d))
  put_stat(name, "mean", svymean(~api00 + api99, d))
  put_stat(name, "total", svytotal(~api00 + api99, d))
  put_stat(name, "total_enroll", svytotal(~enroll, d, na.rm = TRUE))
  put_stat(name, "mean_enroll", svymean(~enroll, d, na.rm = TRUE))
  put_stat(name, "share", svymean(~stype, d))
  put_stat(name, "total_stype", svytotal(~stype, d))
  put(name, "deff", "api00", "deff", deff(svymean(~api00, d, deff = "replace")))
  ratio <- svyratio(~api.stu, ~enroll, subset(d, !is.na(enroll)))
  put(name, "ratio", "api.stu/enroll", "estimate", coef(ratio)); put(name, "ratio", "api.stu/enroll", "std_error", SE(ratio))
  put(name, "ratio", "api.stu/enroll", c("conf_low", "conf_high"), confint(ratio, df = degf(subset(d, !is.na(enroll)))))
  mean <- svymean(~api00, d)
  put(name, "mean_ci", "api00", c("conf_low", "conf_high"), confint(mean, df = degf(d)))
  for (method in c("logit", "mean", "xlogit")) {
    share <- svyciprop(~I(sch.wide == "Yes"), d, method = method)
    put(name, paste0("ciprop_", method), "sch.wide", "estimate", coef(share))
    put(name, paste0("ciprop_", method), "sch.wide", c("conf_low", "conf_high"), confint(share))
  }
  for (rule in c("math", "school")) {
    q <- svyquantile(~api00, d, probs, qrule = rule, interval.type = "mean")
    table <- q$api00
    put(name, paste0("quantile_", rule), probs, "estimate", table[, "quantile"])
    put(name, paste0("quantile_", rule), probs, "conf_low", table[, "ci.2.5"])
    put(name, paste0("quantile_", rule), probs, "conf_high", table[, "ci.97.5"])
    put(name, paste0("quantile_", rule), probs, "std_error", table[, "se"])
  }
  for (group in c("Yes", "No")) {
    s <- subset(d, comp.imp == group)
    m <- svymean(~api00, s); t <- svytotal(~api00, s)
    put(name, paste0("domain_mean_", group), "api00", "estimate", coef(m)); put(name, paste0("domain_mean_", group), "api00", "std_error", SE(m))
    put(name, paste0("domain_total_", group), "api00", "estimate", coef(t)); put(name, paste0("domain_total_", group), "api00", "std_error", SE(t))
  }
  fit <- svyglm(api00 ~ ell + meals + mobility, design = d)
  terms <- names(coef(fit))
  put(name, "svyglm", terms, "estimate", coef(fit))
  v <- vcov(fit)
  for (i in seq_along(terms)) put(name, "svyglm", terms, paste0("cov_", i), v[, i])
  logit <- svyglm(I(sch.wide == "Yes") ~ ell + meals + mobility, design = d, family = quasibinomial,
                  control = glm.control(epsilon = 1e-14, maxit = 100))
  put(name, "svyglm_logit", terms, "estimate", coef(logit))
  v <- vcov(logit)
  for (i in seq_along(terms)) put(name, "svyglm_logit", terms, paste0("cov_", i), v[, i])
}

# Strata of one unit: the first two rows of each type and one of type H.
few <- rbind(apistrat[apistrat$stype == "E", ][1:6, ], apistrat[apistrat$stype == "M", ][1:5, ], apistrat[apistrat$stype == "H", ][1, ])
for (rule in c("adjust", "certainty")) {
  options(survey.lonely.psu = rule)
  d <- svydesign(id = ~1, strata = ~stype, weights = ~pw, data = few, fpc = ~fpc)
  put_stat(paste0("lonely_", rule), "mean", svymean(~api00 + api99, d))
  put_stat(paste0("lonely_", rule), "total", svytotal(~api00, d))
}
options(survey.lonely.psu = "fail")
write.csv(cbind(few[, c("stype", "api00", "api99", "fpc")], pw = sprintf("%.15g", few$pw)), "lonely.csv", row.names = FALSE, quote = FALSE)

# Raking as in help(rake), to a tolerance at which its result stands.
d <- svydesign(id = ~dnum, weights = ~pw, data = apiclus1, fpc = ~fpc)
pop.types <- data.frame(stype = c("E", "H", "M"), Freq = c(4421, 755, 1018))
pop.schwide <- data.frame(sch.wide = c("No", "Yes"), Freq = c(1072, 5122))
raked <- rake(d, list(~stype, ~sch.wide), list(pop.types, pop.schwide), control = list(maxit = 1000, epsilon = 1e-10, verbose = FALSE))
put("raked", "weight", seq_len(nrow(apiclus1)), "estimate", weights(raked))
put_stat("raked", "mean", svymean(~api00 + api99, raked))
put_stat("raked", "total", svytotal(~api00 + enroll, raked))
put_stat("raked", "total_stype", svytotal(~stype, raked))
plain <- svydesign(id = ~dnum, weights = weights(raked), data = apiclus1, fpc = ~fpc)
put_stat("raked_plain", "mean", svymean(~api00 + api99, plain))
put_stat("raked_plain", "total", svytotal(~api00 + enroll, plain))
calibrated <- calibrate(d, ~stype + sch.wide, c(`(Intercept)` = 6194, stypeH = 755, stypeM = 1018, sch.wideYes = 5122),
                        calfun = "raking", epsilon = 1e-13, maxit = 1000)
put_stat("calibrated", "mean", svymean(~api00 + api99, calibrated))
put_stat("calibrated", "total", svytotal(~api00 + enroll, calibrated))
raked_domain <- svymean(~api00, subset(raked, comp.imp == "Yes"))
put("raked", "domain_mean_Yes", "api00", "estimate", coef(raked_domain)); put("raked", "domain_mean_Yes", "api00", "std_error", SE(raked_domain))

write.csv(found, "values.csv", row.names = FALSE, quote = FALSE)
